from abreast.schema.carrying import carried_over
from abreast.schema.names import Relation


def test_names_of_any_kind_stay_within_their_quotes() -> None:
    text = carried_over(Relation("s'c", 'a"b'), "o'ld", 'n"ew')
    assert text.startswith("DO '")
    assert text.endswith("'")
    inside = text.removeprefix("DO '")[:-1]
    assert "'" not in inside.replace("''", "")
    said = inside.replace("''", "'")
    assert """'"s''c"."a""b"'""" in said
    assert "a.attname = 'o''ld'" in said
    assert """'"n""ew"'""" in said
