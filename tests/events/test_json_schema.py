"""The published JSON Schema takes every valid record and refuses wrong ones."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from candor.events import json_schema, registry

from .samples import all_records, record

VALIDATOR = Draft202012Validator(json_schema())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("sample", all_records(), ids=lambda sample: sample["type"])
def test_samples(sample: dict[str, object]) -> None:
    assert list(VALIDATOR.iter_errors(sample)) == []
    assert list(VALIDATOR.iter_errors({**sample, "of_the_vendor": {"a": 1}})) == []
    event_type = registry()[str(sample["type"])]
    optional = {field.name: None for field in event_type.fields if not field.required}
    assert list(VALIDATOR.iter_errors({**sample, **optional})) == []
    for field in event_type.fields:
        wrong = {**sample, field.name: None if field.required else {"no": object}}
        if field.required or field.kind != "json":
            assert list(VALIDATOR.iter_errors(wrong)) != [], field.name
    for field in event_type.fields:
        if field.required:
            less = {key: value for key, value in sample.items() if key != field.name}
            assert list(VALIDATOR.iter_errors(less)) != [], field.name


def test_unknown_type_time_and_word() -> None:
    message = record(registry()["message"])
    for wrong in (
        {"type": "mesage"},
        {"occurred_at": "2026-05-01T10:00:00"},
        {"actor": "robot"},
        {"ai_confidence": 80},
        {"message_id": ""},
    ):
        assert list(VALIDATOR.iter_errors({**message, **wrong})) != []
