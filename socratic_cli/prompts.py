"""What a model that was not trained is sent: a turn as a chat, as one text, or as a person reads it."""

from __future__ import annotations

from socratic_cli.dialogue import Turn

COMPLETION_STOP = ("\n\n---",)


def messages(turn: Turn) -> list[dict[str, str]]:
    """Render a turn as a chat."""
    said = [("system", turn.instruction)] if turn.instruction else []
    for shot in turn.shots:
        said += [("user", shot.prompt), ("assistant", shot.completion)]
    return [{"role": role, "content": text} for role, text in [*said, ("user", turn.prompt)]]


def completion(turn: Turn) -> str:
    """Render a turn as one text, for models that know no chat."""
    shots = [f"{shot.prompt}{shot.completion}" for shot in turn.shots]
    return "\n\n---\n\n".join([turn.instruction, *shots, turn.prompt])


def rendered(turn: Turn) -> str:
    """Render a turn as a person reads it."""
    return "".join(f"--- {message['role']}\n{message['content']}\n\n" for message in messages(turn))
