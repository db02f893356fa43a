import assistant

CONTRACT = "Assistant Document Reply Citation Settings answer check_claim".split()
BESIDES = "AssistantError Claim Event Filters Hit Passage Verdict".split()


def test_all_is_exactly_the_public_names():
    assert assistant.__all__ == dir(assistant) == sorted(CONTRACT + BESIDES)


def test_every_public_name_is_there_and_says_what_it_is():
    for name in assistant.__all__:
        assert getattr(assistant, name).__name__ == name and getattr(assistant, name).__doc__
