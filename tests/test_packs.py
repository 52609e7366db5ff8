"""Rule packs: what a file must have, a site's own folder, the scorecard, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.events.hold_phrases import hold_phrases
from pipeline.phrases.tokens import transcript_of_text
from pipeline.rules import RuleSet, load_rules
from pipeline.rules import load as packs
from pipeline.rules.load import PACKS_FOLDER

FEW = ("dead_air", "hold_permission", "hold_thanks")

PACK = """
id = "polite"
title = "Says please"
why = "A test."
weight = 1
fatal = false
score = "quality"
roles = ["agent"]
counts = ["please"]

[check]
kind = "sequence"
at = "start"
steps = [{ say = ["please"], within_s = 5 }]

[phrases.please]
any = ["please {moment}"]
but = ["not please"]

[examples.agent]
match = ["please moment", "Please, second", "a please minute", "please tick", "please sec", "please mo", "well please bit", "um please uh minute"]
no_match = ["please", "moment", "not please moment", "minute please", "pleased minute", "please the minute", "a", "b"]
"""


@pytest.fixture(autouse=True, scope="module")
def few_packs(tmp_path_factory):
    """A program with few packs, which are read faster."""
    folder = tmp_path_factory.mktemp("own")
    for rule_id in FEW:
        write(folder, f"{rule_id}.toml", own_text(rule_id))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packs, "PACKS_FOLDER", folder)
        yield


@pytest.fixture(scope="module")
def own(few_packs):
    return load_rules()


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def own_text(rule_id: str) -> str:
    return (PACKS_FOLDER / f"{rule_id}.toml").read_text(encoding="utf-8")


def ids(rules: RuleSet) -> list[str]:
    return [rule.id for rule in rules.rules]


# --- a site's folder


def test_a_site_adds_a_rule(tmp_path, own):
    rules = load_rules(write(tmp_path, "polite.toml", PACK))
    assert ids(rules) == sorted([*ids(own), "polite"])
    assert rules.says("polite", "agent", "Please, one... please moment")
    assert not rules.says("polite", "customer", "please moment")
    assert rules.version != own.version
    assert rules.rule("hold_thanks").version == own.rule("hold_thanks").version


def test_a_site_replaces_a_rule_by_its_id(tmp_path, own):
    text = PACK.replace('"polite"', '"empathy_test"')
    write(tmp_path, "empathy_test.toml", text)
    changed = own_text("hold_thanks").replace(
        "Thanks for bearing with me there.", "Thanks for waiting there."
    )
    changed = changed.replace('title = "Thanked after a hold"', 'title = "Ours"')
    rules = load_rules(write(tmp_path, "hold_thanks.toml", changed))
    assert (rules.rule("hold_thanks").title, len(rules.rules)) == ("Ours", len(own.rules) + 1)
    assert rules.rule("hold_thanks").files == (tmp_path / "hold_thanks.toml",)


def test_a_file_without_phrases_changes_only_what_it_names(tmp_path, own):
    rules = load_rules(write(tmp_path, "hold_thanks.toml", 'id = "hold_thanks"\nweight = 7\nfatal = true\n'))
    before, ours = own.rule("hold_thanks"), rules.rule("hold_thanks")
    assert (ours.weight, ours.fatal, ours.title) == (7, True, before.title)
    assert ours.files == (*before.files, tmp_path / "hold_thanks.toml")
    # The same verdicts: nothing has to be judged again.
    assert (ours.version, rules.version) == (before.version, own.version)


def test_a_rule_that_is_switched_off_still_finds_holds(tmp_path, own):
    rules = load_rules(write(tmp_path, "hold_permission.toml", 'id = "hold_permission"\nactive = false\n'))
    assert ids(rules) == [rule_id for rule_id in ids(own) if rule_id != "hold_permission"]
    assert [rule.id for rule in rules.inactive] == ["hold_permission"]
    assert not rules.rule("hold_permission").active
    assert rules.cues["ask"].roles == ("agent",)
    assert rules.version != own.version


def test_versions_follow_what_decides(tmp_path):
    before = load_rules(write(tmp_path, "polite.toml", PACK))
    assert load_rules(tmp_path).version == before.version
    titled = load_rules(write(tmp_path, "polite.toml", PACK.replace("Says please", "Courtesy")))
    assert titled.version == before.version
    other = load_rules(write(tmp_path, "polite.toml", PACK.replace("within_s = 5", "within_s = 6")))
    assert other.rule("polite").version != before.rule("polite").version
    assert other.version != before.version
    write(tmp_path, "lexicon.toml", '[sets]\ncourtesy = ["please", "kindly"]\n')
    assert load_rules(tmp_path).rule("polite").version != other.rule("polite").version


def test_a_lexicon_of_ones_own_adds_to_the_sets(tmp_path):
    write(tmp_path, "lexicon.toml", '[sets]\ncourtesy = ["please", "kindly"]\n')
    rules = load_rules(write(tmp_path, "polite.toml", PACK.replace("please {moment}", "{courtesy} {moment}")))
    assert rules.says("polite", "agent", "Kindly, a kindly moment")


# --- the scorecard


def test_the_scorecard_sets_weights(tmp_path, own):
    card = '[hold_thanks]\nweight = 0\nscore = "compliance"\n\n[hold_permission]\nfatal = true\n'
    rules = load_rules(write(tmp_path, "scorecard.toml", card))
    thanks, permission = rules.rule("hold_thanks"), rules.rule("hold_permission")
    usual = own.rule("hold_permission")
    assert (thanks.weight, thanks.score, thanks.fatal) == (0, "compliance", False)
    assert (permission.weight, permission.score, permission.fatal) == (usual.weight, usual.score, True)
    assert rules.version == own.version


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ("[hold_thank]\nweight = 1\n", r"unknown rule: .*scorecard\.toml: hold_thank;.*hold_thanks"),
        (
            "[hold_thanks]\nwieght = 1\n",
            r"unknown key: .*scorecard\.toml: hold_thanks\.wieght; allowed: weight, fatal, score; remove",
        ),
        ("[hold_thanks]\nweight = -1\n", r"scorecard\.toml: hold_thanks\.weight; got -1"),
        ('[hold_thanks]\nscore = "fun"\n', r"hold_thanks\.score; got 'fun'; allowed: .*compliance"),
        ("hold_thanks = 3\n", r"scorecard\.toml: hold_thanks; got 3; allowed: a table"),
        ("[hold_thanks\n", r"not TOML: .*scorecard\.toml"),
    ],
)
def test_a_bad_scorecard_is_told(tmp_path, card, told):
    with pytest.raises(UsageError, match=told):
        load_rules(write(tmp_path, "scorecard.toml", card))


# --- faults


@pytest.mark.parametrize(
    ("change", "key", "fault"),
    [
        (("weight = 1", "weight = -1"), "weight", "-1"),
        (("weight = 1", "wieght = 1"), "toml: wieght", "unknown key"),
        (("title", "titel"), "toml: titel", "allowed: id, title"),
        (('why = "A test."', ""), "toml: why", "missing key"),
        (('score = "quality"', 'score = "fun"'), "score", "compliance"),
        (('score = "quality"', 'score = "quality"\nwhere = "call"'), "where", "unknown key"),
        (('kind = "sequence"', 'kind = "sometimes"'), "check.kind; got 'sometimes'", "sequence"),
        (('kind = "sequence"', ""), "check.kind", "missing key"),
        (('at = "start"', 'at = "lunch"'), "at", "personal_data"),
        (('at = "start"', 'at = "said"'), "check", "said names the groups"),
        (("within_s = 5", "within_h = 5"), "check.steps.0.within_h", "unknown key"),
        (("within_s = 5", "within_s = -5"), "within_s", "greater than 0"),
        (("within_s = 5", "optional = true"), "check", "a step that decides"),
        (("within_s = 5", "never = true, times = 2"), "check", "times counts"),
        (("within_s = 5", 'after = "previous"'), "check", "no previous"),
        (('say = ["please"]', 'say = ["thanks"]'), "check", "no group 'thanks'"),
        (('counts = ["please"]', 'counts = ["thanks"]'), "counts", "no group 'thanks'"),
        (('any = ["please {moment}"]', "any = []"), "phrases.please.any", "at least 1"),
        (('any = ["please {moment}"]', 'any = ["please {momentum}"]'), "phrases.please.any", "momentum"),
        (('"a", "b"]', '"a"]'), "examples", "8"),
        (('"a", "b"]', '"a", "please minute"]'), "examples.agent.no_match", "please minute"),
        (('"please sec"', '"thanks"'), "examples.agent.match", "thanks"),
        (('id = "polite"', 'id = "rude"'), "id", "file's name"),
        (('id = "polite"', "id = 4"), "id", "id"),
        (("[check]", "[check"), "", "not TOML"),
    ],
)
def test_a_bad_pack_is_told_in_one_line(tmp_path, change, key, fault):
    assert change[0] in PACK
    folder = write(tmp_path, "polite.toml", PACK.replace(*change))
    with pytest.raises(UsageError) as caught:
        load_rules(folder)
    message = str(caught.value)
    assert "polite.toml" in message
    assert "A test." not in message  # the fault is told, not the file
    assert key in message
    assert fault in message
    assert "\n" not in message


def test_the_table_of_release_0_1_0_is_read_with_a_warning(tmp_path, caplog):
    now = load_rules(write(tmp_path, "polite.toml", PACK)).rule("polite")
    then = load_rules(write(tmp_path, "polite.toml", PACK.replace("[check]", "[logic]"))).rule("polite")
    assert (then.version, then.check) == (now.version, now.check)
    assert "polite.toml: [logic] is called [check] now" in caplog.text


def test_a_pack_with_both_tables_is_refused(tmp_path):
    text = PACK.replace("[check]", '[logic]\nkind = "beeps"\n\n[check]')
    with pytest.raises(UsageError, match=r"unknown key: .*polite\.toml: logic"):
        load_rules(write(tmp_path, "polite.toml", text))


def test_a_change_of_an_unknown_key_names_the_sites_file(tmp_path):
    with pytest.raises(UsageError, match=rf"unknown key: {tmp_path}/hold_thanks\.toml: wait; .*remove it"):
        load_rules(write(tmp_path, "hold_thanks.toml", 'id = "hold_thanks"\nwait = 7\n'))


def test_few_keys_of_an_unknown_rule_are_told_with_the_rules_there_are(tmp_path):
    told = r"missing keys: .*holds_thanks\.toml: title, .*to change one of ours, name it: .*hold_thanks"
    with pytest.raises(UsageError, match=told):
        load_rules(write(tmp_path, "holds_thanks.toml", 'id = "holds_thanks"\nactive = false\n'))


def test_phrases_alone_do_not_change_a_rule(tmp_path):
    text = 'id = "hold_thanks"\n[phrases.thanks]\nany = ["ahoy"]\n'
    with pytest.raises(
        UsageError, match=r"missing keys: .*hold_thanks\.toml: title.*replaces the whole rule"
    ):
        load_rules(write(tmp_path, "hold_thanks.toml", text))


@pytest.mark.parametrize(
    ("metric", "told"), [('"kindness"', "got 'kindness'"), ('"dead_air_count"\nrole = "agent"', r"\(agent\)")]
)
def test_a_metric_that_does_not_exist_is_told(tmp_path, metric, told):
    text = own_text("dead_air").replace('"dead_air_count"', metric)
    with pytest.raises(
        UsageError, match=rf"no such metric: .*dead_air\.toml: check\.metric; .*{told}.*talk_ratio"
    ):
        load_rules(write(tmp_path, "dead_air.toml", text))


def test_two_packs_with_one_id(tmp_path):
    write(tmp_path, "polite.toml", PACK)
    with pytest.raises(UsageError, match=r"two rules with one id.*polite2\.toml.*polite\.toml has it too"):
        load_rules(write(tmp_path, "polite2.toml", PACK))


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_with_nothing_in_it(tmp_path, there):
    with pytest.raises(UsageError, match=r"no rule packs.*put one TOML file a rule there"):
        load_rules(tmp_path if there else tmp_path / "absent")


def test_an_empty_pack(tmp_path):
    with pytest.raises(UsageError, match=r"polite\.toml: id; add it"):
        load_rules(write(tmp_path, "polite.toml", ""))


def test_an_unknown_table_in_a_lexicon(tmp_path):
    with pytest.raises(UsageError, match=r"unknown key: .*lexicon\.toml: set;"):
        load_rules(write(tmp_path, "lexicon.toml", "[set]\n"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[rewrite]\n"" = "b"\n', r"lexicon\.toml: rewrite.*at least 1"),
        ('[personal_data]\nreasons = ["a"]\n', r"lexicon\.toml: personal_data\.reasons; allowed: .*reason"),
        ('[sets]\nmoment = ["(good"]\n', r"brackets.*: \S*lexicon\.toml: sets\.moment; got '\(good'"),
        ('[sets]\nmoment = ["{moment} you"]\n', r"'moment' contains itself: \S*lexicon\.toml: sets\.moment"),
    ],
)
def test_a_bad_entry_of_a_lexicon(tmp_path, text, told):
    with pytest.raises(UsageError, match=told):
        load_rules(write(tmp_path, "lexicon.toml", text))


def test_a_pack_need_not_have_the_groups_that_find_events(tmp_path, own):
    text = own_text("hold_thanks").replace("[phrases.back]", "[phrases.returned]")
    rules = load_rules(write(tmp_path, "hold_thanks.toml", text))
    assert rules.cues.keys() == own.cues.keys()
    assert rules.language_version == own.language_version


def test_a_rule_about_holds_is_judged_by_phrases_of_its_own(tmp_path, own):
    """Packs of release 0.1.0 define all their phrases."""
    text = own_text("hold_thanks").replace('shared = "back"', 'any = ["ahoy"]')
    rules = load_rules(write(tmp_path, "hold_thanks.toml", text))
    transcript = transcript_of_text("Ahoy!", "agent", rules.lexicon)
    assert [phrase.kind for phrase in hold_phrases(transcript, rules.cues)] == ["return"]
    assert rules.rule("hold_thanks").phrases["thanks"] is rules.cues["thanks"]
    assert rules.language_version != own.language_version


def test_a_site_adds_to_a_shared_group(tmp_path, own):
    rules = load_rules(write(tmp_path, "shared.toml", '[thanks]\nany = ["ahoy there"]\n'))
    assert rules.says("hold_thanks", "agent", "Ahoy there!")
    assert rules.says("hold_thanks", "agent", "Thank you for holding.")
    assert rules.language_version != own.language_version
    assert rules.rule("hold_thanks").version != own.rule("hold_thanks").version
    assert rules.rule("hold_permission").version == own.rule("hold_permission").version
    transcript = transcript_of_text("Ahoy there!", "agent", rules.lexicon)
    assert [phrase.kind for phrase in hold_phrases(transcript, rules.cues)] == ["thanks"]


def test_a_shared_group_is_tried_on_the_examples_of_the_rules_that_name_it(tmp_path):
    write(tmp_path, "shared.toml", '[thanks]\nreplace = true\nany = ["over you go"]\n')
    with pytest.raises(UsageError, match=r"hold_thanks\.toml: examples"):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[thanks]\nnay = []\n", r"unknown key: .*shared\.toml: thanks\.nay; allowed: any"),
        ("[ahoy]\nbut = []\n", r"missing key: .*shared\.toml: ahoy\.any"),
        ('[wait]\nany = ["{ahoy}"]\n', r"shared\.toml: wait\.any.*known sets"),
        ('[wait]\nunless = "ahoy"\n', r"shared\.toml: wait\.unless; got 'ahoy'"),
        ("wait = 3\n", r"shared\.toml: wait"),
    ],
)
def test_a_bad_shared_group_is_reported(tmp_path, text, fault):
    with pytest.raises(UsageError, match=fault):
        load_rules(write(tmp_path, "shared.toml", text))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('shared = "aks"', r"unknown group: .*phrases\.back\.shared; got 'aks'; allowed: agree"),
        ('shared = "ask"\nbut = ["x"]', r"unknown key: .*phrases\.back\.but; allowed: shared, roles"),
    ],
)
def test_a_bad_name_of_a_shared_group_is_reported(tmp_path, line, fault):
    text = own_text("hold_thanks").replace('shared = "back"', line)
    with pytest.raises(UsageError, match=fault):
        load_rules(write(tmp_path, "hold_thanks.toml", text))


def test_word_sets_of_a_pack(tmp_path):
    text = (PACKS_FOLDER / "closing.toml").read_text(encoding="utf-8")
    assert "[sets]" in text
    own = text.replace('unless = "opens"\nany = [', 'unless = "opens"\nany = ["{farewells}",', 1)
    assert own != text
    own = own.replace("[sets]\n", '[sets]\nfarewells = ["toodle {pips}"]\npips = ["pip", "pips"]\n', 1)
    (tmp_path / "closing.toml").write_text(own, encoding="utf-8")
    rules = load_rules(tmp_path)
    assert rules.says("closing", "agent", "Toodle pip.")
    assert not rules.says("closing", "agent", "Toodle pop.")
