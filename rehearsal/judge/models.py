"""Writes Microsoft's models of the API as JSON Schema, one definition a line.

writeModels.ts runs it in a Debian root with python3-azure: the models come from its SDK (`_attribute_map`, `_validation`,
and the values that the descriptions name). The argument lists modules and the names of models; whatever these refer to
comes with them.
"""

import importlib
import json
import re
import sys

SIMPLE = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "iso-8601": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
    "duration": {"type": "string", "pattern": "^-?P"},
    "object": {},
}
LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "pattern": "pattern",
}


def described(model):
    """The text about each attribute, with line breaks taken out."""
    parts = re.split(r"\n\s*:(ivar|vartype) (\w+):", model.__doc__ or "")
    texts = zip(parts[1::3], parts[2::3], parts[3::3])
    return {name: re.sub(r"\s+", " ", text) for kind, name, text in texts if kind == "ivar"}


def schema_of(kind, short, models, wanted):
    if kind in SIMPLE:
        return dict(SIMPLE[kind])
    if kind.startswith("["):
        return {"type": "array", "items": schema_of(kind[1:-1], short, models, wanted)}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": schema_of(kind[1:-1], short, models, wanted)}
    if not hasattr(getattr(models, kind, None), "_attribute_map"):
        return {"type": "string"}
    wanted.append(kind)
    return {"$ref": f"#/$defs/{short}.{kind}"}


def subtypes(model, short, wanted):
    """A model whose variants are distinguished by the value of one property."""
    own = model.__dict__.get("_subtype_map")
    if not own:
        return None
    (attribute, values), = own.items()
    key = model._attribute_map[attribute]["key"]
    wanted.extend(values.values())
    return {
        "type": "object",
        "required": [key],
        "properties": {key: {"enum": list(values)}},
        "allOf": [
            {"if": {"properties": {key: {"const": value}}}, "then": {"$ref": f"#/$defs/{short}.{name}"}}
            for value, name in values.items()
        ],
    }


def definition(model, short, models, wanted):
    told_apart = subtypes(model, short, wanted)
    if told_apart:
        return told_apart
    texts = described(model)
    whole = {"type": "object", "properties": {}}
    for attribute, about in model._attribute_map.items():
        if about["key"] == "" or attribute == "additional_properties":
            continue
        rules = model._validation.get(attribute, {})
        schema = schema_of(about["type"], short, models, wanted)
        named = re.search(r'Known values are: (".*?")\.(?: |$)', texts.get(attribute, "") + " ")
        if named and about["type"] == "str":
            schema = {"enum": re.findall(r'"([^"]*)"', named[1])}
        schema |= {there: rules[here] for here, there in LIMITS.items() if here in rules and "enum" not in schema}
        if rules.get("readonly"):
            schema["readOnly"] = True
        place = whole
        *path, last = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", about["key"])]
        for part in path:
            if rules.get("required") and part not in place.setdefault("required", []):
                place["required"].append(part)
            place = place["properties"].setdefault(
                part, {"type": "object", "properties": {}, "additionalProperties": False}
            )
        place["properties"][last] = schema
        if rules.get("required"):
            place.setdefault("required", []).append(last)
    if "additional_properties" not in model._attribute_map:
        whole["additionalProperties"] = False
    return whole


def main(parts):
    for part in parts:
        models = importlib.import_module(f"azure.mgmt.{part['module']}.models")
        wanted, done = list(part["names"]), set()
        while wanted:
            name = wanted.pop(0)
            if name in done:
                continue
            done.add(name)
            model = getattr(models, name, None)
            if model is None:
                sys.exit(f"azure.mgmt.{part['module']} has no model {name}.")
            line = {"id": f"{part['prefix']}.{name}", "schema": definition(model, part["prefix"], models, wanted)}
            print(json.dumps(line, separators=(",", ":"), sort_keys=True))


main(json.loads(sys.argv[1]))
