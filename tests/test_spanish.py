"""The Spanish packs: their examples, sentences written apart from them, and calls judged by them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from builders import an_analysis, quality_of, say

from pipeline.errors import UsageError
from pipeline.events.hold_phrases import hold_phrases
from pipeline.phrases.tokens import transcript_of_text
from pipeline.rules import judge, load_rules
from pipeline.rules.context import CallContext
from pipeline.rules.labelled import read_sentences, try_rules
from pipeline.rules.load import PACKS_FOLDER
from pipeline.rules.site import languages_in
from pipeline.settings import Settings

RULES = load_rules()
SPANISH = load_rules(language="es")
IDS = ["closing", "greeting", "hold_permission", "hold_thanks", "recording_disclosure", "recording_objection"]
SENTENCES = Path(__file__).parent / "data" / "phrases" / "es" / "calls.jsonl"
TALK = (
    say("agent", 1, 5, "Buenos días, Banco Sol, le atiende Marta, ¿en qué puedo ayudarle?"),
    say("customer", 6, 9, "Hola, no me ha llegado la tarjeta."),
    say("agent", 10, 14, "Se la enviamos mañana, señora."),
    say("customer", 15, 18, "Muy bien, muchas gracias."),
    say("agent", 19, 22, "Gracias por su llamada, que tenga un buen día."),
)


def verdicts(*turns) -> dict[str, str]:
    call = an_analysis(turns=turns)
    context = CallContext(
        duration_s=60.0,
        layout="stereo",
        words=call.words,
        turns=call.turns,
        activities=call.activities,
        kind="conversation",
        quality=tuple(quality_of(i, language="es", languages=("es",)) for i in (0, 1)),
    )
    return {found.rule_id: found.verdict for found in judge(context, RULES, Settings().rules)}


def test_the_rules_that_have_a_spanish_pack():
    assert languages_in(PACKS_FOLDER) == ("es",)
    assert [rule.id for rule in SPANISH.rules] == IDS
    assert RULES.others["es"].version == SPANISH.version
    assert SPANISH.language == SPANISH.lexicon.language == "es"


@pytest.mark.parametrize("rule", SPANISH.rules, ids=lambda rule: rule.id)
def test_twenty_examples_match_and_twenty_decoys_do_not(rule):
    found = {(role, text): SPANISH.says(rule.id, role, text) for role, text, _ in rule.examples}
    assert found == {(role, text): expect for role, text, expect in rule.examples}
    assert sum(found.values()) >= 20
    assert len(found) - sum(found.values()) >= 20


def test_sentences_written_apart_from_the_packs_are_understood():
    trial = try_rules(SPANISH, read_sentences(SENTENCES))
    assert sorted(trial.by_rule) == IDS
    assert trial.wrong == ()


def test_what_is_as_in_english_is_taken_from_the_english_pack():
    for rule in SPANISH.rules:
        english = RULES.rule(rule.id)
        assert (rule.title, rule.weight, rule.fatal, rule.score) == (
            english.title,
            english.weight,
            english.fatal,
            english.score,
        )
        assert rule.version != english.version


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("¿Le puedo poner en espera un momento?", "request_question"),
        ("Le voy a poner en espera.", "request_told"),
        ("Gracias por la espera.", "thanks"),
        ("Ya estoy de vuelta.", "return"),
        ("Le voy a pasar con el departamento de ventas.", "transfer"),
    ],
)
def test_events_are_found_by_spanish_phrases(text, kind):
    transcript = transcript_of_text(text, "agent", SPANISH.lexicon)
    assert {phrase.kind for phrase in hold_phrases(transcript, SPANISH.cues)} >= {kind}


def test_a_call_in_spanish_is_judged_by_the_spanish_packs():
    found = verdicts(*TALK)
    assert {found["greeting"], found["closing"]} == {"pass"}
    assert found["recording_disclosure"] == "fail"
    assert found["empathy"] == "not_determinable"
    notice = say("agent", 5.2, 5.9, "Le informo que esta llamada está siendo grabada.")
    assert verdicts(TALK[0], notice, *TALK[1:])["recording_disclosure"] == "pass"


def test_consent_asked_for_in_spanish_needs_its_answer():
    asked = say("agent", 5.2, 5.9, "¿Está de acuerdo en que grabemos la llamada?")
    assert verdicts(TALK[0], asked, say("customer", 6, 9, "Sí, claro."))["recording_disclosure"] == "pass"
    refused = verdicts(TALK[0], asked, say("customer", 6, 9, "No, no me grabe."), *TALK[2:])
    assert refused["recording_objection"] == "fail"


def test_a_site_changes_the_spanish_packs_in_its_folder_for_them(tmp_path):
    (tmp_path / "es").mkdir()
    shutil.copy(PACKS_FOLDER / "hold_length.toml", tmp_path)
    (tmp_path / "es" / "shared.toml").write_text(
        '[thanks]\nany = ["gracias por el aguante"]\n', encoding="utf-8"
    )
    site = load_rules(tmp_path)
    assert site.others["es"].says("hold_thanks", "agent", "Gracias por el aguante.")
    assert not SPANISH.says("hold_thanks", "agent", "Gracias por el aguante.")
    assert site.language_version != load_rules().language_version


def test_a_language_without_packs_is_refused():
    with pytest.raises(UsageError, match=r"no rule packs for the language.*allowed: en, es"):
        load_rules(language="fr")


def test_a_notice_with_a_word_that_may_be_misheard_is_open_not_failed() -> None:
    text = "Le informo que esa llamada está haciendo la rana por motivos de calimán, ¿en qué puedo ayudar?"
    call = an_analysis(turns=(say("agent", 1, 8, text), *TALK[1:]))
    doubtful = tuple(
        replace(word, probability=0.3) if word.text in {"rana", "haciendo"} else word for word in call.words
    )
    for words, expected in ((doubtful, ("not_determinable", "misheard")), (call.words, ("fail", None))):
        context = CallContext(
            duration_s=40.0,
            layout="stereo",
            words=words,
            turns=call.turns,
            activities=call.activities,
            quality=tuple(quality_of(i, language="es", languages=("es",)) for i in (0, 1)),
        )
        found = next(
            f for f in judge(context, RULES, Settings().rules) if f.rule_id == "recording_disclosure"
        )
        assert (found.verdict, found.detail.get("reason_code")) == expected
