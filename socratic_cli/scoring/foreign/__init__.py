"""What other tools wrote, as solutions: samples of lm-evaluation-harness, and lines whose fields are named."""
