"""A comparison with a baseline in words."""

from datetime import date

import pytest

from volcast.evaluation.table import Skill, SkillTable, shown_p
from volcast.evaluation.words import better_choice, leading, span, verdict, versus, why_fewer


@pytest.mark.parametrize(
    ("name", "gain", "p", "words"),
    [
        ("har_rv", 0.1918, 1e-6, "saves 19.2 % of HAR-RV's QLIKE (p < .0001)"),
        ("log_har", 0.02, 0.21, "saves 2.0 % of HAR in logs' QLIKE, not significantly (p .21)"),
        ("har_x", -0.056, 0.85, "HAR-X is better by 5.6 %, not significantly (p .15)"),
        ("har_x", -0.2, 0.97, "HAR-X is better by 20.0 %, significantly (p .030)"),
    ],
)  # fmt: skip
def test_a_comparison_names_the_winner_its_lead_and_its_own_p_value(name, gain, p, words):
    assert versus(Skill(name, 0.3, 6.0, gain, p)) == words


def test_the_subject_precedes_a_verb():
    assert versus(Skill("vix", 0.3, 6.0, 0.3, 0.001), "volcast").startswith("volcast saves 30.0 %")


def test_a_verdict_leaves_out_baselines_that_the_table_lacks():
    lines = (
        Skill("volcast", 0.3, 6.0, 0.0, 0.5), Skill("har_rv", 0.4, 6.0, 0.2, 0.001),
        Skill("vix", 0.4, 6.0, -0.1, 0.9),
    )  # fmt: skip
    table = SkillTable(lines, 100, date(2020, 1, 2), date(2020, 6, 1), left_out=("har_x",))
    words = verdict(table, ("har_rv", "har_x", "vix"))
    assert words == f"{versus(lines[1], 'volcast')}; {versus(lines[2])}"
    assert verdict(table, ("har_x",)) == ""


def test_fewer_sessions_are_explained_with_the_result_on_all():
    days = date(2010, 1, 4), date(2020, 6, 1)
    saved = Skill("har_rv", 0.4, 6.0, 0.25, 0.001)
    whole = SkillTable((saved,), 1000, *days, left_out=("har_x", "vix", "garch"))
    fewer = SkillTable((saved,), 300, *days, left_out=("garch",))
    tables = {"all": whole, "all_baselines": fewer}
    assert leading(tables) is fewer
    text = why_fewer(tables)
    assert "700 sessions lack HAR-X or VIX" in text
    assert f"{span(whole)}, {versus(saved, 'volcast')}" in text
    assert (leading({"all": whole}), why_fewer({"all": whole})) == (whole, "")


@pytest.mark.parametrize(
    ("on_all", "on_fewer", "judged"),
    [(0.02, -0.3, None), (0.0, -0.3, None), (-0.03, 0.1, "all"), (None, -0.3, "all_baselines"),
     (None, 0.3, None), (None, None, None)],
)  # fmt: skip
def test_log_har_is_the_better_choice_where_its_loss_is_lower_on_all_sessions_that_have_it(
    on_all, on_fewer, judged
):
    days = date(2010, 1, 4), date(2020, 6, 1)
    tables = {
        name: SkillTable(() if gain is None else (Skill("log_har", 0.4, 6.0, gain, 0.8),), n, *days)
        for name, gain, n in (("all", on_all, 1000), ("all_baselines", on_fewer, 300))
    }
    sentence = better_choice(tables)
    if judged is None:
        assert sentence == ""
    else:
        assert span(tables[judged]) in sentence
        assert versus(tables[judged].lines[0]) in sentence


@pytest.mark.parametrize(
    ("p", "shown"),
    [(0, "< .0001"), (0.00123, ".0012"), (0.0461, ".046"), (0.854, ".85"), (1, "1.00")],
)
def test_a_p_value_shows_two_digits_and_never_zero(p, shown):
    assert shown_p(p) == shown
