# SPDX-License-Identifier: Apache-2.0
"""Functions of cells as Liberty writes them: `!A`, `A'`, `A * B`, `A & B`, `A B`, `A + B`, `A | B`,
`A ^ B`, parentheses, 0 and 1."""

import functools
import itertools
import re


@functools.lru_cache(maxsize=None)
def python(function):
    """The same function as a Python expression on integers of many bits, one bit a case: `ones` is
    the integer with all bits set. Binding as in Liberty: not, exclusive or, and, or."""
    tokens = re.findall(r"\w+|[!'()&*+|^]", function)

    def peek():
        return tokens[0] if tokens else ""

    def factor():
        token = tokens.pop(0)
        if token == "!":
            text = f"(ones ^ {factor()})"
        elif token == "(":
            text = either()
            tokens.pop(0)
        else:
            text = {"0": "0", "1": "ones"}.get(token, token)
        while peek() == "'":
            tokens.pop(0)
            text = f"(ones ^ {text})"
        return text

    def joined(operand, operators, sign, juxtaposed=False):
        parts = [operand()]
        while peek() and (peek() in operators or juxtaposed and peek() not in ")+|^"):
            if peek() in operators:
                tokens.pop(0)
            parts.append(operand())
        return parts[0] if len(parts) == 1 else f"({f' {sign} '.join(parts)})"

    def exclusive():
        return joined(factor, "^", "^")

    def both():
        return joined(exclusive, "&*", "&", juxtaposed=True)

    def either():
        return joined(both, "+|", "|")

    return either()


def pins(function):
    """Names in a function, in the order in which they first occur."""
    return list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", function)))


def truth_table(function):
    """Its values for all cases of its pins, as text, with the pins in order of occurrence."""
    code = compile(python(function), "<function>", "eval")
    names = pins(function)
    return "".join(str(eval(code, {"ones": 1, **dict(zip(names, case))}))
                   for case in itertools.product((0, 1), repeat=len(names)))


def substituted(code, names):
    """A Python expression with other names in it."""
    return re.sub(r"[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), code)
