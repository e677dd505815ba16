"""Is an answer what the description of the Mastodon API says? As much of JSON Schema as it uses, and the same rules as
tests/http/openapi.h."""

import datetime
import json
import os
import re

PLACES = [os.environ.get("MYNAH_TEST_DATA", ""), "../shared/data"]


def load():
    """The description, or None where it is not beside the checkout."""
    for place in PLACES:
        path = os.path.join(place, "specs/mastodon-openapi.json")
        if place and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                return json.load(f)
    return None


TYPES = {"null": lambda v: v is None, "boolean": lambda v: isinstance(v, bool), "string": lambda v: isinstance(v, str),
         "array": lambda v: isinstance(v, list), "object": lambda v: isinstance(v, dict),
         "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool)}


class Schemas:
    def __init__(self, description):
        self.root = description

    def of(self, schema):
        while isinstance(schema, dict) and "$ref" in schema:
            at = self.root
            for part in schema["$ref"].split("/")[1:]:
                at = at[part]
            schema = at
        return schema

    def faults(self, schema, value, at="answer", depth=0):
        """What is wrong with the value, as a list of sentences."""
        schema = self.of(schema)
        if not schema or depth > 40:
            return []
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(TYPES[k](value) for k in kinds):
            return [f"{at} is {json.dumps(value)[:80]}, not {' or '.join(kinds)}"]
        wrong = []
        if "enum" in schema and isinstance(value, str) and value not in schema["enum"]:
            wrong.append(f"{at} is '{value}', none of {schema['enum']}")
        if isinstance(value, str):
            wrong += self._format(schema.get("format"), value, at)
        for part in schema.get("allOf", []):
            wrong += self.faults(part, value, at, depth + 1)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            each = [self.faults(c, value, at, depth + 1) for c in choices]
            if all(each):
                wrong += min(each, key=len)
        if isinstance(value, dict):
            wrong += self._object(schema, value, at, depth)
        if isinstance(value, list) and "items" in schema:
            for i, item in enumerate(value):
                wrong += self.faults(schema["items"], item, f"{at}[{i}]", depth + 1)
        return wrong

    def _format(self, kind, value, at):
        if kind == "date-time":
            try:
                datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            except ValueError:
                return [f"{at} is '{value}', no date and time"]
        if kind == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return [f"{at} is '{value}', no date"]
        if kind == "uri" and value and not re.match(r"[a-z][a-z0-9+.-]*:", value):
            return [f"{at} is '{value}', no URI"]
        return []

    def _object(self, schema, value, at, depth):
        wrong = [f"{at}.{key} is missing" for key in schema.get("required", []) if key not in value]
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            part = known.get(key) or (more if isinstance(more, dict) else None)
            if part:
                wrong += self.faults(part, item, f"{at}.{key}", depth + 1)
        return wrong

    def answer_faults(self, method, path, status, kind, body):
        """What is wrong with an answer to an operation: with its status, its type, its body."""
        operation = self.root["paths"][path][method.lower()]
        answer = self.of(operation["responses"].get(str(status)))
        if not answer:
            return [f"answered {status}, none of {sorted(operation['responses'])}"]
        content = answer.get("content") or {}
        if "application/json" not in content:
            return []
        if not kind.startswith("application/json"):
            return [f"is {kind}, not JSON"]
        try:
            value = json.loads(body)
        except ValueError:
            return [f"is no JSON: {body[:80]!r}"]
        return self.faults(content["application/json"].get("schema"), value)
