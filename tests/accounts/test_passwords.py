"""What a password may be, and what guessing costs."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher, extract_parameters

from hanlin.accounts.passwords import THREADS, WAITING, Passwords, check_password
from hanlin.errors import BadRequest, TooMany

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_the_cost_is_two_passes_over_46_mib_in_one_lane() -> None:
    passwords = Passwords()
    encoded = await passwords.hash("correct horse")
    parameters = extract_parameters(encoded)
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 47_104, 1)
    assert encoded.startswith("$argon2id$")
    assert await passwords.verify(encoded, "correct horse")
    assert not await passwords.verify(encoded, "correct horsf")


async def test_nobody_is_verified_against_a_decoy_and_never_matches() -> None:
    passwords = Passwords(CHEAP)
    assert not await passwords.verify(None, "anything")
    assert passwords._decoy
    assert not await passwords.verify("not a hash", "anything")


async def test_other_forms_of_the_same_characters_are_the_same_password() -> None:
    passwords = Passwords(CHEAP)
    assert await passwords.verify(await passwords.hash("cafe\u0301 au lait"), "caf\u00e9 au lait")
    assert not await passwords.verify(await passwords.hash("x\ud800yzzyxzy"), "wrong password")


async def test_a_hash_of_another_cost_is_outdated() -> None:
    cheap, dear = Passwords(CHEAP), Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    encoded = await cheap.hash("correct horse")
    assert dear.outdated(encoded)
    assert not cheap.outdated(encoded)


class Gate(PasswordHasher):
    """Stands in the hasher's place and counts who is inside."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.open = threading.Event()
        self.inside = self.most = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.open.wait(10)
        self.inside -= 1
        return super().hash(password, salt=salt)


async def test_a_flood_meets_a_short_queue_even_when_its_callers_hang_up() -> None:
    gate = Gate()
    passwords = Passwords(gate)
    jobs = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(WAITING)]
    await asyncio.sleep(0.05)
    with pytest.raises(TooMany):
        await passwords.hash("correct horse")
    for job in jobs[:THREADS]:
        job.cancel()
    await asyncio.sleep(0.05)
    with pytest.raises(TooMany):  # the two threads are still at work for those who left
        await passwords.hash("correct horse")
    gate.open.set()
    await asyncio.gather(*jobs[THREADS:])
    assert gate.most == THREADS
    assert await passwords.hash("correct horse")


@pytest.mark.parametrize(
    "password", ["1234567", "x" * 1025, "password1", "PassWord1", "qwertyuiop", "Dorothea", "DOROTHEA"]
)
def test_short_long_common_and_self_named_passwords_are_refused(password: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check_password(password, "dorothea")
    assert password not in str(refused.value)


@pytest.mark.parametrize("password", ["x2345678", "长长的密码也可以用的", " leading and trailing ", "y" * 1024])
def test_anything_else_of_8_to_1024_characters_is_accepted(password: str) -> None:
    check_password(password, "dorothea")
