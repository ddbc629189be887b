"""Asks the published HogQL parser, line by line: `{"kind", "text"}` in, its JSON tree out. A process of its own.

It imports names of PostHog's own package; stubs stand in for them, which no other test should see.
"""

import json
import sys
import types


def stub() -> None:
    for name in ("posthog", "posthog.hogql", "posthog.hogql.errors"):
        sys.modules[name] = types.ModuleType(name)
    errors = sys.modules["posthog.hogql.errors"]
    for name in ("BaseHogQLError", "ExposedHogQLError", "SyntaxError", "NotImplementedError", "ParsingError"):
        setattr(errors, name, type(name, (Exception,), {}))


def main() -> None:
    stub()
    import hogql_parser

    for line in sys.stdin:
        asked = json.loads(line)
        kind, text = asked["kind"], asked["text"]
        if kind == "template":
            kind, text = "full_template_string", "F'" + text
        try:
            answer = getattr(hogql_parser, f"parse_{kind}_json")(text, is_internal=True)
        except Exception as error:
            answer = json.dumps({"error": True, "message": str(error)})
        sys.stdout.write(answer.replace("\n", " ") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
