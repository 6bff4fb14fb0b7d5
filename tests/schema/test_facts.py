from abreast.schema.facts import CopiedConstraint, TableFacts


def test_a_table_of_which_nothing_was_asked_has_no_facts() -> None:
    assert TableFacts() == TableFacts({}, {}, (), ())


def test_a_copy_is_proven_unless_it_is_said() -> None:
    assert CopiedConstraint("a", "CHECK (true)").validated
