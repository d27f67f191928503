"""What may be spent: reserved before a request is sent, settled when its cost is known."""

from __future__ import annotations

import asyncio

from socratic_cli.errors import BudgetReached, UsageError
from socratic_cli.parts import Price, Teacher


class Budget:
    """An account in US dollars. Requests in flight hold their highest cost, so together they cannot overshoot.

    `lost` is the highest cost of requests whose reply was lost on the way: the service may have billed them.
    """

    def __init__(self, allowed: float | None, spent: float = 0.0) -> None:
        """Open the account with what was `spent` by earlier runs; `allowed` None is no limit."""
        self.allowed = allowed
        self.spent = spent
        self.lost = 0.0
        self._reserved = 0.0
        self._changed = asyncio.Event()

    async def reserve(self, most: float) -> None:
        """Take `most` out of what is left; wait for requests in flight where that may help.

        Raises:
            BudgetReached: it cannot be had.
        """
        while self.allowed is not None and self.spent + self.lost + self._reserved + most > self.allowed:
            if not self._reserved:
                raise BudgetReached(self._sentence(most))
            self._changed.clear()
            await self._changed.wait()
        self._reserved += most

    def settle(self, most: float, cost: float, *, lost: bool = False) -> None:
        """Give back a reservation, and pay what the reply cost; `lost` keeps it for a reply that did not arrive."""
        self._reserved -= most
        # Sums of floats leave dust, which would be taken for a request in flight.
        self._reserved = self._reserved if self._reserved > 1e-12 else 0.0
        self.spent += cost
        self.lost += most if lost else 0.0
        self._changed.set()

    def _sentence(self, most: float) -> str:
        lost = f" and up to ${self.lost:.4f} for replies that were lost on the way" if self.lost else ""
        return (
            f"the budget of ${self.allowed:g} is reached: ${self.spent:.4f} are spent{lost}, and the next reply could"
            f" cost ${most:.4f}. Everything paid for is kept: run the same command with a higher --max-cost to go on"
        )


def highest_cost(price: Price | None, prompt_bytes: int, longest: int) -> float:
    """Return what one request can cost at most: no tokenizer makes more tokens than there are bytes."""
    return price.prompt * prompt_bytes + price.completion * longest if price else 0.0


def require_price(teacher: Teacher, max_cost: float | None) -> None:
    """Refuse a budget for a paid teacher whose price nobody knows.

    Raises:
        UsageError: the price is not known.
    """
    if max_cost is not None and teacher.paid and teacher.price is None:
        raise UsageError(
            f"--max-cost: the price of {teacher.label} is not known, so a budget cannot be kept."
            f' Give it in US dollars a million tokens: --teacher "{teacher.label} input_price=0.5 output_price=1.5"'
        )
