"""Which sentence bears a claim is decided by its words and numbers."""

from __future__ import annotations

from hanlin.assistants.documents.citing import annotated, check, names_are_known, quoted, without_marks

EVIDENCE = (
    "The typewriter was patented in 1868 by Christopher Latham Sholes.",
    "IBM introduced the electric typewriter in 1935.",
    "Invoices are submitted within forty-five (45) days after the work.",
    "The records are kept for five years after the final payment.",
    "打字机于1868年获得专利。",
)


def test_the_sentence_that_says_most_of_a_claim_bears_it() -> None:
    (claim,) = check("Sholes patented the typewriter in 1868.", "Who patented it?", EVIDENCE, [2])
    assert claim.numbers == (1,)


def test_a_short_claim_is_weighed_with_its_question() -> None:
    (claim,) = check("1935", "When did IBM introduce the electric typewriter?", EVIDENCE, [])
    assert claim.numbers == (2,)


def test_numbers_must_stand_in_what_is_cited() -> None:
    assert check("IBM introduced the electric typewriter in 1936.", "When?", EVIDENCE, [2]) == []
    (claim,) = check("Invoices are submitted within 45 days.", "When are invoices submitted?", EVIDENCE, [])
    assert claim.numbers == (3,)
    (spelt,) = check("The records are kept for 5 years.", "How long are records kept?", EVIDENCE, [])
    assert spelt.numbers == (4,)


def test_a_claim_of_two_sentences_cites_both() -> None:
    claim = "The typewriter was patented in 1868 and IBM introduced the electric one in 1935."
    (found,) = check(claim, "What happened?", EVIDENCE, [])
    assert sorted(found.numbers) == [1, 2]


def test_claims_that_nothing_bears_are_left_out() -> None:
    claims = check("Sholes patented the typewriter in 1868. Bananas grow in Ecuador.", "Who?", EVIDENCE, [1])
    assert [claim.text for claim in claims] == ["Sholes patented the typewriter in 1868."]


def test_a_question_for_a_number_needs_one() -> None:
    assert check("IBM introduced the electric typewriter.", "How many did IBM sell?", EVIDENCE, [2]) == []
    assert check("It is insured.", "What is the minimum amount of the insurance?", EVIDENCE, [3]) == []
    assert check("IBM推出了电动打字机。", "IBM卖了多少台打字机？", EVIDENCE, [2]) == []


def test_a_claim_over_several_lines_cites_those_that_were_proposed() -> None:
    lines = ("Luis Mendez, Contract Manager", "1523 Pacific Avenue, Santa Cruz", "Nothing else is here today")
    (claim,) = check(
        "It is Luis Mendez, Contract Manager, 1523 Pacific Avenue, Santa Cruz.", "Who is it?", lines, [1, 2]
    )
    assert sorted(claim.numbers) == [1, 2]


def test_a_sentence_may_be_quoted_as_the_answer() -> None:
    found = quoted("When are invoices submitted after the work?", EVIDENCE)
    assert found is not None
    assert found.numbers == (3,)
    assert quoted("Where do bananas grow in the north?", EVIDENCE) is None


def test_names_of_the_question_must_be_known() -> None:
    assert names_are_known("When did IBM introduce it?", EVIDENCE)
    assert not names_are_known("When did Olivetti introduce it, says Smith?", EVIDENCE)
    assert not names_are_known("WPS是谁开发的？", EVIDENCE)
    assert names_are_known("IBM是什么时候推出的？", EVIDENCE)
    assert names_are_known("When was Beijing founded?", ["北京建城三千年。"])


def test_marks_of_the_model_are_taken_off() -> None:
    assert without_marks("It is so [3]. And so【2, 4】, too [1-3].") == "It is so. And so, too."


def test_a_summary_is_marked_where_sentences_bear_it() -> None:
    text = "# Typewriters\n- Sholes patented the typewriter in 1868\n- A line of the model's own, about nothing here"
    marked, numbers = annotated(text, EVIDENCE)
    assert marked.splitlines()[1] == "- Sholes patented the typewriter in 1868 [1]"
    assert marked.splitlines()[2] == "- A line of the model's own, about nothing here"
    assert numbers == [1]


def test_a_table_row_has_its_mark_in_the_last_cell() -> None:
    marked, _ = annotated(
        "| who | what |\n| --- | --- |\n| IBM | introduced the electric typewriter in 1935 |", EVIDENCE
    )
    assert marked.splitlines()[2] == "| IBM | introduced the electric typewriter in 1935 [1] |"
