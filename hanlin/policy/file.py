"""A policy as an operator writes it: one TOML file, checked on reading with errors that name line, field and value."""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hanlin.errors import Misconfigured
from hanlin.policy.fold import fold
from hanlin.policy.risks import RISKS

SHIPPED = Path(__file__).with_name("shipped")
"""The folder of the policies that come with Hanlin."""
_CHARACTERS = 20_000_000
_BEFORE_CHARACTERS = 8
"""Of a wording of `about`: a stream remembers so much of what has left."""
_WORDS_FILE = re.compile(r"[\w-]{1,60}(/[\w-]{1,60})?\.csv\Z", re.ASCII)
_NO_RISK = "Expected one of the 31 risks A.1.a to A.5.b as category, got {!r}"
_FIELDS = "See docs/reference/policy.md for the fields of a policy."
_FEWEST_CHARACTERS = 2
"""Of a folded term. Shorter ones stand in ordinary words: open lists that have them refuse 44 % of benign prompts."""

Words = Annotated[str, Meta(min_length=1, max_length=400)]
Sentence = Annotated[str, Meta(min_length=1, max_length=2000)]
Evidence = Annotated[str, Meta(max_length=400)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
Category = Annotated[str, Meta(pattern=r"^A\.[1-5]\.[a-i]\Z")]
"""A risk of Annex A of GB/T 45654-2025; see `risks.RISKS`."""
Where = Annotated[tuple[Literal["input", "output"], ...], Meta(min_length=1)]
Variant = Literal["pinyin", "split"]
"""How a term may also be spelt: `pinyin` (four syllables or more), `split` (枪 as 木仓). Folding needs no naming."""
PersonalKind = Literal[
    "id_card", "old_id_card", "residence_permit", "credit_code", "bank_card", "mobile", "landline", "passport",
    "travel_permit", "plate", "email", "ip_address", "name", "address", "secret", "account",
]  # fmt: skip


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person reads instead of an answer, by language."""

    zh: Words
    en: Words


class Limits(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    max_input_characters: Annotated[int, Meta(ge=1)] = 400_000
    """All messages of one request together; more is refused."""
    max_output_characters: Annotated[int, Meta(ge=1)] = 400_000
    """All choices of one answer together; more is cut with finish_reason `length`."""


class Term(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One term with its evidence; in a file a plain string will do."""

    term: Words
    weight: Annotated[float, Meta(gt=0, le=1)] | None = None
    """What a hit adds to a text's score; None: the rule's."""
    variants: tuple[Variant, ...] | None = None
    """None: the rule's."""
    source: Evidence = ""
    """Where it was met: a law, a notice, a report, a decision of the review."""
    reason: Evidence = ""
    """Why it stands here, for the next editor; not public."""


class WordList(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: terms under a public name, and what happens where one stands."""

    name: Name
    category: Category
    reason: Words
    """Public words for why; they stand in decisions and in the record."""
    terms: tuple[Words | Term, ...] = ()
    words: tuple[Words, ...] = ()
    """CSV files beside the policy, one term a line; `read` brings their terms in."""
    exceptions: tuple[Words, ...] = ()
    """Longer wordings that hold a term and are fine."""
    where: Where = ("input", "output")
    action: Literal["allow", "score", "steer", "mask", "replace", "hold", "refuse"] = "refuse"
    """`allow`: what stands in these wordings is not found by any other rule."""
    weight: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """With `score`: what each different term adds to the score of a text."""
    variants: tuple[Variant, ...] = ()
    answer: Refusal | None = None
    """With `replace`: what is said instead."""
    instruction: Annotated[str, Meta(max_length=4000)] = ""
    """With `steer`: what the model is told with the request."""
    audience: Literal["all", "minors"] = "all"
    counts: bool = True
    """Whether a refusal by this rule counts on the ladder of sanctions."""
    hits: tuple[Sentence, ...] = ()
    """Test sentences that this rule must find."""
    passes: tuple[Sentence, ...] = ()
    """Test sentences that no rule may refuse."""


class PersonalRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: kinds of personal data, and what happens with them."""

    name: Name
    kinds: Annotated[tuple[PersonalKind, ...], Meta(min_length=1)]
    reason: Words = "Personal data."
    category: Category = "A.4.f"
    where: Where = ("input", "output")
    action: Literal["score", "mask", "pseudonymise", "hold", "refuse"] = "mask"
    """`pseudonymise` is for input: the model sees placeholders, the answer gets the originals back."""
    least_score: Annotated[float, Meta(ge=0, le=1)] = 0.6
    """Findings that are less certain are left alone."""
    exceptions: tuple[Words, ...] = ()
    """Values that are public here, such as the operator's hotline."""
    counts: bool = False
    hits: tuple[Sentence, ...] = ()
    passes: tuple[Sentence, ...] = ()


class ClassifierRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: a classifier's probability in three ways, below `review`, between, and from `refuse` up."""

    name: Name
    classifier: Literal["offence"]
    reason: Words
    review: Annotated[float, Meta(ge=0, le=1)]
    refuse: Annotated[float, Meta(ge=0, le=1)]
    on_review: Literal["score", "hold"] = "score"
    on_refuse: Literal["score", "hold", "refuse"] = "refuse"
    where: Where = ("input",)
    """On output each sentence waits until it has been judged."""
    counts: bool = True
    hits: tuple[Sentence, ...] = ()
    passes: tuple[Sentence, ...] = ()


class GuardRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: a guard model behind an OpenAI-compatible upstream, by its name in the register."""

    name: Name
    kind: Literal["qwen3guard", "llama_guard", "granite_guardian"]
    model: Words
    reason: Words = "Found unsafe by the guard model."
    where: Where = ("input",)
    on_unsafe: Literal["score", "hold", "refuse"] = "refuse"
    on_controversial: Literal["score", "hold", "refuse"] = "score"
    on_failure: Literal["allow", "refuse"] = "refuse"
    """When the guard does not answer: `refuse` is right for a public service."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 5.0
    counts: bool = True


class Scores(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What several weak signals come to."""

    limit: Annotated[float, Meta(gt=0, le=100)] = 1.0
    action: Literal["hold", "refuse"] = "refuse"
    reason: Words = "Several signals together."


class Injection(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What happens with instructions found in tool results and documents."""

    action: Literal["allow", "mark", "refuse"] = "mark"
    """`mark`: the model is told that the passage is data and not an instruction."""
    tools: Literal["keep", "withdraw"] = "keep"
    """`withdraw`: with such a passage in it, a request is answered without tools."""


class Ladder(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When refused attempts suspend an account (GB/T 45654-2025: three in a row or five in a day)."""

    in_a_row: Annotated[int, Meta(ge=1, le=1000)] = 3
    per_day: Annotated[int, Meta(ge=1, le=1000)] = 5
    suspend_hours: Annotated[float, Meta(ge=0, le=8784)] = 24
    """The first time; each further time within 30 days doubles it. 0: nobody is suspended."""


class Minors(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for people marked as minors, besides the rules with audience `minors`."""

    from_hour: Annotated[int, Meta(ge=0, le=23)] = 6
    to_hour: Annotated[int, Meta(ge=1, le=24)] = 22
    """Served from `from_hour` until `to_hour`, in the server's time zone."""
    minutes_per_day: Annotated[int, Meta(ge=0, le=1440)] = 0
    """From the first request of a day; 0: no limit."""
    instruction: Annotated[str, Meta(max_length=4000)] = ""
    """What the model is told with every request of a minor."""


class Review(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How people decide what was held or objected to."""

    eyes: Literal[1, 2] = 1
    """2: two different people must agree; a third decides when they do not."""
    due_hours: Annotated[float, Meta(gt=0, le=8784)] = 72


class PolicyFile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: Name
    refusal: Refusal
    title: Annotated[str, Meta(max_length=120)] = ""
    about: tuple[Words, ...] = ()
    """Wordings in which a term is spoken of and not used, `…` standing for any term: `举报…`, `is … illegal`. They hold
    for every list that scores, holds or refuses.
    """
    limits: Limits = Limits()
    scores: Scores = Scores()
    injection: Injection = Injection()
    ladder: Ladder = Ladder()
    minors: Minors = Minors()
    review: Review = Review()
    rules: tuple[WordList, ...] = ()
    personal: tuple[PersonalRule, ...] = ()
    classifiers: tuple[ClassifierRule, ...] = ()
    guards: tuple[GuardRule, ...] = ()

    def every_rule(self) -> Iterator[WordList | PersonalRule | ClassifierRule | GuardRule]:
        """The rules of all kinds, in order."""
        yield from self.rules
        yield from self.personal
        yield from self.classifiers
        yield from self.guards

    def version(self) -> str:
        """The first 12 hex digits of the SHA-256 of the content; comments and layout do not change it."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


def read(path: Path) -> PolicyFile:
    """The policy in a file, with the terms of the CSV files beside it that it names.

    Raises Misconfigured with file, line or field, what came and what was expected.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"Policy file {path} cannot be read: {error}.", action="Mend what it names.") from None
    return parse(text, place=str(path), folder=path.parent)


def parse(text: str, *, place: str = "The policy", folder: Path | None = None) -> PolicyFile:
    """The policy that a TOML text says; its `words` files are looked for in `folder`, None: there are none.

    Raises Misconfigured, naming `place`.
    """
    if len(text) > _CHARACTERS:
        raise Misconfigured(f"{place} has {len(text)} characters; at most {_CHARACTERS} are read.", action="Split it.")
    try:
        policy = msgspec.convert(tomllib.loads(text), PolicyFile)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{place} is not valid TOML: {error}.", action="Mend the line it names.") from None
    except RecursionError:
        raise Misconfigured(f"{place} is nested too deeply.", action=_FIELDS) from None
    except msgspec.ValidationError as error:
        raise _wrong(place, text, str(error)) from None
    policy = replace(policy, rules=tuple([_with_words(rule, place, folder) for rule in policy.rules]))
    _check(policy, place, text)
    return policy


def _check(policy: PolicyFile, place: str, text: str) -> None:
    """Raise Misconfigured for what fields alone cannot tell."""
    seen: set[str] = set()
    for kind in ("rules", "personal", "classifiers", "guards"):
        for position, rule in enumerate(getattr(policy, kind)):
            if problem := _problem(rule, seen):
                raise _wrong(place, text, f"{problem} - at `$.{kind}[{position}]`")
            seen.add(rule.name)
    for position, wording in enumerate(policy.about):
        before, term, after = wording.partition("…")
        if not term or "…" in after or not fold(before + after) or len(before) > _BEFORE_CHARACTERS:
            message = (
                f"Expected a wording with one … for the term and at most {_BEFORE_CHARACTERS} characters before it, "
                f"got {wording!r} - at `$.about[{position}]`"
            )
            raise _wrong(place, text, message)
    if policy.minors.from_hour >= policy.minors.to_hour:
        raise _wrong(place, text, "Expected `from_hour` before `to_hour` - at `$.minors`")


def write(policy: PolicyFile) -> str:
    """The policy as TOML, each term on a line of its own, so that two versions can be compared line by line."""
    return msgspec.toml.encode(policy).decode()


def _with_words(rule: WordList, place: str, folder: Path | None) -> WordList:
    terms = list(rule.terms)
    for name in rule.words:
        terms += _read_words(name, place, folder)
    return replace(rule, terms=tuple(terms), words=())


def _read_words(name: str, place: str, folder: Path | None) -> list[str | Term]:
    """The terms of one CSV file: columns term, weight, variants (separated by spaces), source, reason."""
    if folder is None or not _WORDS_FILE.match(name):
        raise Misconfigured(
            f"{place} names the words file {name!r}; expected a *.csv in the policy's own folder or one below it.",
            action="Put the terms into the policy, or the policy into the folder of policies.",
        )
    path = folder / name
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return [_term(path, number, row) for number, row in enumerate(csv.DictReader(lines), 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Misconfigured(f"{path} cannot be read: {error}.", action="Mend what it names.") from None


def _term(path: Path, line: int, row: dict[str, str]) -> Term:
    values: dict[str, object] = {key: value for key, value in row.items() if value}
    if "variants" in values:
        values["variants"] = row["variants"].split()
    try:
        return msgspec.convert(values, Term, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{path}, line {line}: {error}.", action=_FIELDS) from None


def _problem(rule: WordList | PersonalRule | ClassifierRule | GuardRule, names_before: set[str]) -> str | None:
    if rule.name in names_before:
        return f"Expected a rule name used once, got {rule.name!r} again"
    if isinstance(rule, WordList):
        return _problem_of_terms(rule) or _problem_of_action(rule)
    if isinstance(rule, PersonalRule) and rule.category not in RISKS:
        return _NO_RISK.format(rule.category)
    if isinstance(rule, PersonalRule) and rule.action == "pseudonymise" and rule.where != ("input",):
        return 'Expected `where = ["input"]` with `pseudonymise`: an answer gets its originals back by itself'
    if isinstance(rule, ClassifierRule) and rule.review > rule.refuse:
        return f"Expected `review` not above `refuse`, got {rule.review} and {rule.refuse}"
    return None


def _problem_of_terms(rule: WordList) -> str | None:
    if not rule.terms:
        return "Expected at least one term in `terms` or `words`"
    if rule.category not in RISKS:
        return _NO_RISK.format(rule.category)
    terms = {fold(spelling(term)): spelling(term) for term in rule.terms}
    for folded, term in terms.items():
        if len(folded) < _FEWEST_CHARACTERS:
            return f"Expected terms of at least {_FEWEST_CHARACTERS} letters or digits, got {term!r}"
    for exception in rule.exceptions:
        folded = fold(exception)
        lengths = range(_FEWEST_CHARACTERS, len(folded))
        if not any(folded[start : start + length] in terms for length in lengths for start in range(len(folded))):
            return f"Expected exceptions that are longer than a term and hold it, got {exception!r}"
    return None


def _problem_of_action(rule: WordList) -> str | None:
    if rule.action == "replace" and rule.answer is None:
        return "Expected an `answer` with the action `replace`"
    if rule.action == "steer" and not (rule.instruction and rule.where == ("input",)):
        return 'Expected an `instruction` and `where = ["input"]` with the action `steer`'
    return None


def spelling(term: str | Term) -> str:
    """A term as it is spelt."""
    return term if isinstance(term, str) else term.term


def _wrong(place: str, text: str, message: str) -> Misconfigured:
    """The error with the line where the rule that it names begins."""
    if found := re.search(r"\$\.(rules|personal|classifiers|guards)\[(\d+)\]", message):
        heads = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"[[{found[1]}]]")]
        if int(found[2]) < len(heads):
            place = f"{place}, rule at line {heads[int(found[2])]}"
    return Misconfigured(f"{place}: {message}.", action=_FIELDS)
