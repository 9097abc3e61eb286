"""operators.py - the mutants of a C file: where each of its functions could be wrong by a little.

Works on words of C, not on its grammar: what a change makes of a function is tried by the compiler, and what does not
compile is counted as such. Tables outside functions are left alone."""

import re

WORD = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<line>^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*)|(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<letter>'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_]\w*)|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    |(?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])""",
    re.S | re.M | re.X,
)

OTHER_SIGNS = {
    "<": ["<=", ">="], ">": [">=", "<="], "<=": ["<", ">"], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
    "&&": ["||"], "||": ["&&"], "/": ["*"], "%": ["*"], "<<": [">>"], ">>": ["<<"], "|": ["&"], "^": ["|"],
    "++": ["--"], "--": ["++"], "+=": ["-=", "="], "-=": ["+=", "="], "*=": ["/=", "="], "/=": ["*="],
    "|=": ["&=", "="], "&=": ["|=", "="], "^=": ["|="], "<<=": [">>="], ">>=": ["<<="],
}
# What may also stand before a value: only between two values do they reckon.
BETWEEN = {"+": ["-"], "-": ["+"], "*": ["/"], "&": ["|"]}
TYPES = {
    "char", "int", "long", "short", "unsigned", "signed", "bool", "float", "double", "void", "const", "static",
    "struct", "union", "enum", "volatile", "extern", "register", "FILE", "DIR", "va_list",
}
KEYWORDS = TYPES | {
    "return", "if", "else", "while", "for", "do", "switch", "case", "default", "break", "continue", "goto", "sizeof",
}
# Whose absence no test could see, or that only tell the compiler something.
UNSEEN = {"va_end", "BUG", "assert"}


class Word:
    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)


class Function:
    def __init__(self, name, words, is_void, is_bool):
        self.name, self.words, self.is_void, self.is_bool = name, words, is_void, is_bool
        self.start, self.end = words[0].start, words[-1].end  # with the braces
        self.mutants = []


class Mutant:
    def __init__(self, function, start, end, new, operator):
        self.function, self.start, self.end, self.new, self.operator = function, start, end, new, operator


def split(source):
    """The words of a file, without comments and lines of the preprocessor."""
    return [
        Word(match.lastgroup, match.group(), match.start())
        for match in WORD.finditer(source)
        if match.lastgroup not in ("comment", "line")
    ]


def closing(words, at):
    """The index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(words)):
        if words[i].text in ("(", "[", "{"):
            depth += 1
        elif words[i].text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("a bracket is not closed")


def opening(words, at):
    """The index of the bracket that the one at `at` closes."""
    depth = 0
    for i in range(at, -1, -1):
        depth += (words[i].text in (")", "]", "}")) - (words[i].text in ("(", "[", "{"))
        if depth == 0:
            return i
    raise ValueError("a bracket was not opened")


def functions(source):
    words, found, i, begin = split(source), [], 0, 0
    while i < len(words):
        text = words[i].text
        if text == "{":
            end = closing(words, i)
            if words[i - 1].text == ")":
                parameters = opening(words, i - 1)
                type_words = [word.text for word in words[begin:parameters - 1]]
                found.append(
                    Function(
                        words[parameters - 1].text, words[i:end + 1],
                        "void" in type_words and "*" not in type_words, "bool" in type_words,
                    )
                )
                begin = end + 1
            i = end
        elif text == ";":
            begin = i + 1
        i += 1
    return found


def is_value(word):
    """Whether a value may end with this word, so that a sign behind it stands between two."""
    return word.kind in ("number", "letter") or word.text in (")", "]") or (
        word.kind == "name" and word.text not in KEYWORDS
    )


def is_cast(words, at):
    """Whether the bracket that closes at `at` holds a type."""
    inner = [word.text for word in words[opening(words, at) + 1:at]]
    return bool(inner) and (inner[0] in TYPES or inner[0].endswith("_t")) and "(" not in inner


def signs(function, i):
    words, word = function.words, function.words[i]
    if word.text in OTHER_SIGNS:
        return OTHER_SIGNS[word.text]
    before = words[i - 1]
    if word.text not in BETWEEN or not is_value(before) or (before.text == ")" and is_cast(words, i - 1)):
        return []
    if word.text == "*" and (before.text in TYPES or before.text.endswith("_t") or words[i - 2].text in TYPES):
        return []  # declares a pointer
    return BETWEEN[word.text]


def constants(word):
    if word.kind == "number":
        match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)", word.text)
        if match:
            number = int(match[1], 16 if match[1][:2] in ("0x", "0X") else 8 if re.match(r"0\d", match[1]) else 10)
            return [f"{other}{match[2]}" for other in (number + 1, number - 1) if other >= 0]
    return {"true": ["false"], "false": ["true"]}.get(word.text, [])


def statement_end(words, i):
    """The index of the ; that ends the statement beginning at i."""
    while words[i].text != ";":
        i = closing(words, i) + 1 if words[i].text in ("(", "[", "{") else i + 1
    return i


def begins_statement(words, i):
    before = words[i - 1].text
    if before in (";", "{", "}", "else"):
        return True
    if before == ":":
        k = i - 2
        while k > 0 and words[k].text not in (";", "{", "}", "?", "case", "default", ":"):
            k -= 1
        return words[k].text in ("case", "default")
    if before == ")":
        return words[opening(words, i - 1) - 1].text in ("if", "for", "while")
    return False


def is_in_brackets(words, i):
    """Whether it stands in round brackets (the head of a for) or in the list of an initialiser."""
    depth = 0
    for k in range(i - 1, 0, -1):
        depth += (words[k].text in (")", "]", "}")) - (words[k].text in ("(", "[", "{"))
        if depth < 0:
            return words[k].text != "{" or words[k - 1].text in ("=", ",", "{") or (
                words[k - 1].text == ")" and is_cast(words, k - 1)
            )
    return False


def is_array_size(words, i):
    """Whether it stands in the square brackets of a declaration: more room is no mistake that shows."""
    while words[i].text not in ("[", ";", "{", "}"):
        i = opening(words, i) - 1 if words[i].text in (")", "]") else i - 1
    if words[i].text != "[":
        return False
    while words[i - 1].text not in (";", "{", "}", "="):
        i -= 1
    return words[i].text in TYPES or words[i].text.endswith("_t")


def is_removable(words, i):
    """Whether a statement that does something begins here: a call, an assignment, a step."""
    word, after = words[i], words[i + 1]
    if word.text in ("++", "--", "*", "("):
        return True
    if word.kind != "name" or word.text in KEYWORDS or word.text in UNSEEN:
        return False
    return after.text in ("(", "=", ".", "->", "[", "++", "--") or after.text.endswith("=")


def of_statements(function, source, i):
    """(start, end, new text, operator) of whole statements that begin with word i."""
    words, word = function.words, function.words[i]
    if word.text in ("if", "while") and words[i + 1].text == "(":
        end = closing(words, i + 1)
        yield words[i + 1].start, words[end].end, "(!" + source[words[i + 1].start:words[end].end] + ")", "negate"
    if word.text in ("break", "continue"):
        yield word.start, word.end, {"break": "continue", "continue": "break"}[word.text], "jump"
        yield word.start, word.end, "", "remove"
    if word.text == "return" and words[i + 1].text != ";":
        end = statement_end(words, i)
        start, stop = words[i + 1].start, words[end - 1].end
        value = source[start:stop]
        if value not in ("0", "false", "NULL", "true"):
            yield start, stop, "0", "return"
        if function.is_bool and value not in ("false", "true"):
            yield start, stop, f"!({value})", "return"
        elif end - i > 2 and not value.startswith("-E"):  # one number is a constant; one error is as good as another
            yield start, stop, f"({value}) + 1", "return"
        if i > 0 and words[end + 1].text != "}":
            yield word.start, words[end].end, ";", "remove"
    elif begins_statement(words, i) and not is_in_brackets(words, i) and is_removable(words, i):
        yield word.start, words[statement_end(words, i)].end, ";", "remove"


def mutate(source):
    """The functions of a file, each with its mutants."""
    found = functions(source)
    for function in found:
        words = function.words
        for i, word in enumerate(words[:-1]):
            changes = [(word.start, word.end, new, "constant") for new in constants(word)]
            if i > 0:
                changes += [(word.start, word.end, new, "sign") for new in signs(function, i)]
                changes += of_statements(function, source, i)
            if changes and is_array_size(words, i):
                continue
            function.mutants += [Mutant(function, *change) for change in changes]
    return [function for function in found if function.mutants]
