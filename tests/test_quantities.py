"""Numbers however they are written: what they come to, and whether a text bears a claimed one out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.quantities import missing, quantities, worked_out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He paid $3.5 million for 12% of it", [(3_500_000, "$"), (12, "%")]),
        ("up 2 percentage points, or 5 per cent", [(2, "points"), (5, "%")]),
        ("twenty-five people and three hundred soldiers", [(25, ""), (300, "")]),
        ("a dozen of the 5,000 troops", [(12, ""), (5000, "")]),
        ("the first of two", [(1, "ordinal"), (2, "")]),
        ("on July 3rd, 2024", [(3, "ordinal"), (2024, "")]),
        ("5 bn euros and £20m", [(5e9, "€"), (2e7, "£")]),
        ("it costs 13 cents", [(0.13, "$")]),
        ("40km away at 7am", [(40, ""), (7, "")]),
        ("the G20, COVID-19 and one of them", []),
        ("a 12-year-old from 1\u202f500 km away", [(12, ""), (1500, "")]),
        ("", []),
    ],
)
def test_a_number_has_a_value_and_a_unit(text: str, expected: list[tuple[float, str]]) -> None:
    assert [(pytest.approx(item.value), item.unit) for item in quantities(text)] == expected


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("About 5,000 troops left.", "4,987 troops left."),
        ("More than 1,100 people came.", "1,150 people came."),
        ("Five thousand troops left.", "5,000 troops left."),
        ("It grew by 5 percent.", "It grew by 5%."),
        ("It happened on 3 July.", "It happened on July 3rd."),
        ("It cost 3.5 million dollars.", "It cost $3,500,000."),
        ("They met again.", "They met twice in 2024."),
    ],
)
def test_a_number_is_borne_out_however_it_is_written(claim: str, evidence: str) -> None:
    assert missing(claim, [evidence]) == []


@pytest.mark.parametrize(
    ("claim", "evidence", "lacking"),
    [
        ("6,000 troops left.", "5,000 troops left.", "6,000"),
        ("It grew by 5 %.", "It grew by 5 percentage points.", "5 %"),
        ("It cost $13.", "It cost €13.", "$13"),
        ("More than 5,000 came.", "4,000 came.", "5,000"),
        ("Fewer than 5,000 came.", "6,000 came.", "5,000"),
        ("It was the third time.", "It was the second time.", "third"),
        ("In 2023 they met.", "In 2024 they met.", "2023"),
    ],
)
def test_another_number_or_another_unit_is_missed(claim: str, evidence: str, lacking: str) -> None:
    assert [item.text for item in missing(claim, [evidence])] == [lacking]


@pytest.mark.parametrize(
    ("claim", "evidence", "how"),
    [
        ("Eight hundred got a placebo.", "2,400 children enrolled; 1,600 received the vaccine.", "2,400 − 1,600"),
        ("In all 39 asked.", "Eight singers were refused visas; the other 31 got theirs.", "31 + Eight"),
        ("He has been governor since 2019.", "He took office two years before the floods of 2021.", "2021 − two"),
        ("Roughly 11 percent smoke.", "The share of smokers fell to one in nine.", "one in nine"),
        ("600 meters were damaged.", "Half of the town's 1,200 parking meters were damaged.", "Half of"),
        ("60 voters agreed.", "Two thirds of the 90 voters agreed.", "Two thirds"),
        ("It has tripled to 90.", "It was 30 and is three times as high.", "three times as"),
    ],
)
def test_a_number_may_be_worked_out_of_two(claim: str, evidence: str, how: str) -> None:
    assert worked_out(quantities(claim)[0], evidence) == how


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("Seven hundred got a placebo.", "2,400 children enrolled; 1,600 received the vaccine."),
        ("Roughly 15 percent smoke.", "The share of smokers fell to one in nine."),
        ("5 % agreed.", "In 2020 it was 7 points, 2 points less than before."),
        ("3 % agreed.", "Of the 71 seen in 2020 all agreed."),
        ("50 percent agreed.", "It won 45 percent and 5 seats."),
        ("He resigned in 2025.", "On 5 May 2020 he resigned."),
        ("He died in 2018.", "He died in 2021 and leaves 3 children."),
        ("A force of 7,024 was sent.", "In 2024 a 5,000-strong force was sent."),
        ("He is the fifth minister.", "Two ministers and three generals resigned."),
        ("It earned 270 million.", "It earned 90 million in the third quarter."),
        ("It earned 180 million.", "It earned 90 million in the first half."),
        ("He got 24 years.", "He got 12 years after being arrested twice."),
        ("It sold 4,000 cars.", "The firm sold 5,000 in 12 days."),
    ],
)
def test_numbers_of_another_unit_or_dates_make_no_sum(claim: str, evidence: str) -> None:
    assert worked_out(quantities(claim)[0], evidence) is None


@given(st.text(alphabet="0123456789,. %$inoutftwicehalfquarterof", max_size=60), st.integers(0, 5000))
def test_any_text_can_be_worked_with(text: str, value: int) -> None:
    for claimed in quantities(f"{value} came"):
        worked_out(claimed, text)


def test_a_number_in_words_is_marked_for_it_may_be_counted() -> None:
    found = missing("The three leaders met.", ["Faye, Traore and Goita met."])
    assert [item.spelled for item in found] == [True]


@given(st.text())
def test_any_text_bears_out_its_own_numbers(text: str) -> None:
    assert missing(text, [text]) == []
