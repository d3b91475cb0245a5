"""The list of mutants does not rot: each still fits the source, and names tests that are there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mutants import LIST, ROOT, Mutant, problem, read

MUTANTS = read(LIST.read_text(encoding="utf-8"))

GOOD = Mutant(
    name="a 400 is tried again",
    file="src/services/powerbi/answers/verdict.rs",
    old="400..500 => Verdict::Rejected,",
    new="400..500 => Verdict::InDoubt,",
    lib=("services::powerbi::answers::verdict::tests::a_refusal_of_the_rows_is_final",),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_fits_the_source_and_names_tests_that_are_there(mutant: Mutant) -> None:
    assert problem(mutant) is None


def test_names_are_given_once() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 50


@pytest.mark.parametrize(
    ("mutant", "complaint"),
    [
        (GOOD, None),
        (replace(GOOD, lib=(), why="nobody can see it"), None),
        (replace(GOOD, lib=(), python=("tests/python/project/test_mutants.py::test_names_are_given_once",)), None),
        (replace(GOOD, lib=(), core=("outbox::disk::any_single_failure_of_the_disk_loses_nothing",)), "no test outbox"),
        (replace(GOOD, lib=(), core=("delivery::rows_arrive_in_full_requests",)), None),
        (replace(GOOD, old="404..405 =>"), "occurs 0 times in src/services/powerbi/answers/verdict.rs"),
        (replace(GOOD, old=""), "occurs 0 times"),
        (replace(GOOD, old="Verdict::Rejected"), "occurs 2 times"),
        (replace(GOOD, file="src/services/powerbi/answers/verdicts.rs"), "occurs 0 times"),
        (replace(GOOD, new=GOOD.old), "changes nothing"),
        (replace(GOOD, lib=()), "needs tests"),
        (replace(GOOD, why="nobody can see it"), "needs tests"),
        (
            replace(GOOD, lib=("services::powerbi::answers::verdict::tests::a_refusal",)),
            "there is no test services::powerbi::answers::verdict::tests::a_refusal",
        ),
        (replace(GOOD, python=("tests/python/project/test_mutants.py::test_names",)), "there is no test"),
    ],
)
def test_an_entry_that_does_not_hold_is_told(mutant: Mutant, complaint: str | None) -> None:
    said = problem(mutant, ROOT)
    assert said is None if complaint is None else complaint in str(said)


def test_an_entry_says_all_that_it_must_and_nothing_else() -> None:
    whole = '[[mutant]]\nname = "n"\nfile = "f"\nold = "o"\nnew = "p"\nlib = ["t"]\n'
    assert read(whole) == [Mutant("n", "f", "o", "p", lib=("t",))]
    with pytest.raises(ValueError, match=r"`n`: unknown \['libs'\], missing \[\]"):
        read(whole.replace("lib ", "libs "))
    with pytest.raises(ValueError, match=r"`n`: unknown \[\], missing \['old'\]"):
        read(whole.replace('old = "o"\n', ""))
