"use strict";
// The page's data, and the cases that are made of it: a problem with the attempts of every arm.

async function readData() {
  const text = document.getElementById("data").textContent;
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function casesOf(data) {
  return data.problems.map((problem, at) => ({ problem, attempts: data.attempts.map((ofArm) => ofArm[at]) }));
}

function outcomeOf(attempt) {
  return attempt ? attempt.outcome : "absent";
}

function stepsOf(problem) {
  return problem.steps ? problem.steps.length : 0;
}
