#!/usr/bin/env python3
"""Makes what tests/unit/text/test_jinja_golden.c compares with: templates written for this test, rendered by Jinja itself as
transformers sets it up for chat templates.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install jinja2==3.1.6 transformers==5.23.0
    /tmp/venv/bin/python tools/golden/jinja.py

Writes tests/data/jinja/golden.jsonl: a header with the versions, then one case a line: {"template","vars","text"}, or "error": true where
Jinja refuses. now_ms in the header is the time that strftime_now sees. The variables `trusted` names are given as trusted.
"""
import datetime
import json
import os
import platform

import jinja2
import transformers
import transformers.utils.chat_template_utils as templates

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/jinja/golden.jsonl")
NOW = datetime.datetime(2026, 3, 7, 9, 5, 1)


class FrozenTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


templates.datetime = FrozenTime
TRUSTED = {"bos_token": "<s>", "eos_token": "</s>"}
ODD = "Ünï 漢字 🦜 é\u0301 \"two\" 'one' <b>&amp;</b> \\n \t\u2028\u00a0\u200b\x7f"
VARS = {
    "n": 7, "z": 0, "neg": -7, "f": 2.5, "big": 1e22, "tiny": 1.5e-7, "huge": 123456789012345678901234567890,
    "t": True, "no": False, "nil": None, "s": "Hello, World", "sp": "  both sides \n", "odd": ODD, "e": "", "num": "42", "hex": "0x1f",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "mixed": [1, "x", None, True, 2.0, [1], {"k": "v"}], "el": [],
    "d": {"b": 1, "a": {"x": [1, 2]}, "C": "c"}, "ed": {}, "items": {"items": 5, "keys": 6, "get": 7, "k": 8},
    "people": [{"name": "Zoe", "age": 30, "at": {"c": "X"}}, {"name": "adam", "age": 25, "at": {"c": "y"}}, {"name": "Bob", "age": 30}],
    "lines": "one\ntwo\n\n  three\r\nfour", "q": "it's", "qq": 'say "hi"', "both": "it's \"so\"",
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "  Hi <|im_end|> "},
                 {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Bye"}],
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 ### (1 + 2) * 3 ### 7 / 2 ### 6 / 2 ### 7 // 2 ### -7 // 2 ### 7 % 3 ### -7 % 3 ### 7 % -3 ### 7.5 // 2 ### -7.5 // 2 ### 7.5 % 2
-7.5 % 2 ### 2 ** 10 ### 2 ** -1 ### 2 ** 0.5 ### 2 ** 3 ** 2 ### -2 ** 2 ### 1 / 0 ### 1 // 0 ### 1 % 0 ### 1.0 / 0 ### 0 ** -1
1_000 ### 0x1F ### 0b101 ### 0o17 ### 1e3 ### 1.5e-3 ### 1E400 ### 00 ### 1.0 ### 100000000000000000.0 ### 1e16 ### 1e15 ### 0.0001 ### 0.00001 ### 1.1 + 2.2
big ### tiny ### huge ### huge == huge ### huge is integer ### f * 2 ### n * f ### t + t ### -t ### +no ### - -n ### -f ### nil ### t ### no ### undefinedname
9223372036854775807 ### 99999999999999999999 ### 12345678901234567890123
n == 7 ### n == 7.0 ### t == 1 ### n != 7 ### 1 < 2 < 3 ### 1 < 2 > 3 ### 3 > 2 >= 2 == 2 ### "a" < "b" ### "a" < "B" ### [1,2] < [1,3] ### (1,2) == [1,2] ### [1,2] == [1,2]
{"a": 1} == {"a": 1.0} ### "a" < 1 ### nil < 1 ### nil == nil ### undefinedname == undefinedname ### undefinedname == nil ### [1] < ["a"] ### 2 == 2 in [True]
"lo" in s ### "x" not in s ### 2 in l ### "b" in d ### 1 in "abc" ### "" in s ### "a" in nil ### "a" in undefinedname ### nil in mixed ### 1.0 in l ### not "a" in "abc" ### 3 in range(5)
n and s ### z and s ### z or s ### e or el or "last" ### not n ### not e ### n and not z or e ### t and (no or 3) ### not not n
"yes" if n else "no" ### "yes" if z else "no" ### "yes" if z ### ("yes" if z) is defined ### 1 if z else 2 if z else 3 ### (1 if n) + 1
"a" ~ 1 ~ nil ~ t ~ 2.5 ~ undefinedname ~ [1, "b"] ### "a" + "b" ### "a" + 1 ### "ab" * 3 ### 3 * "ab" ### "ab" * -1 ### [1] + [2] ### [1] * 2 ### (1,) + (2,) ### [1] + (2,) ### 1 ~ 2 * 3
"a" "b" 'c' ### 'it\'s' ### "tab\there" ### "nl\nx" ### "\x41\u00e9\U0001F99C" ### "\101\0" ### "\q\é" ### "back\\slash" ### '\'' ~ "\"" ### "\
x"
[1, 'two', "it's", none, true, 1.0, [], {}, ()] ### (1,) ### () ### (1, 2) ### {"a": 1, 'b': [1, {"c": none}]} ### {1: 2, none: 3, true: 4, 1.5: 5} ### {(1,2): 3} ### {[1]: 2} ### {"a": 1, "a": 2}
[odd] ### [q, qq, both] ### ["\n\r\t\\\x01\u200b\u00ad\U000e0001"] ### d ### mixed ### d.keys() ### d.values() ### d.items() ### range(3) ### range(1, 10, 2) ### range(5)|list ### range(5, 0, -2)|list ### range(3)[1] ### range(10)[2:5] ### range(0)
s[0] ### s[-1] ### s[99] ### s[99] is defined ### s[1:4] ### s[:3] ### s[-5:] ### s[::-1] ### s[::2] ### s[4:1:-1] ### s[1:] ### s[:-1] ### s[-100:100] ### odd[2:9] ### odd[::-1] ### s[1:4:0] ### s["x"] ### s["upper"]()
l[0] ### l[-1] ### l[5] ### l[1:] ### l[::-1] ### l[:-1] ### mixed[-1].k ### mixed[6]["k"] ### l["a"] ### l.0 ### (1,2,3)[1:] ### l[t] ### l[1.0] ### l[nil] ### n[0] ### nil[0] ### nil["a"] ### nil.a ### n.real
d.a.x[1] ### d["a"]["x"][0] ### d.missing ### d.missing.more ### d["missing"]["more"] ### undefinedname.x ### undefinedname["x"] ### undefinedname() ### undefinedname[1:] ### d[1] ### d[nil] ### d[[1]] ### d[1:2] ### n.foo ### n.foo.bar ### s.foo ### s()
items.items ### items["items"] ### items.k ### items.get("items") ### items["get"] ### items.pop ### items.pop("k") ### l.append(1) ### l.append ### s.__class__ ### s.__class__.x ### d.__len__() ### l["append"] ### d["__class__"]
d.get("b") ### d.get("zz") ### d.get("zz", 9) ### d.get("a").get("x") ### d.get() ### d.get("b", 1, 2) ### d.copy() == d ### l.index(1) ### l.index(99) ### mixed.count(1) ### d.keys()|list ### d.values()|list|length ### d.keys()|first
s.upper() ### s.lower() ### s.title() ### s.capitalize() ### odd.upper() ### odd.lower() ### "ßﬁŉ".upper() ### "ΑΣ ΣΑΣ".lower() ### "ǆ ß".title() ### "o'neil mcx-y 3rd".title() ### "HELLO wOrld".capitalize() ### s.swapcase is defined
sp.strip() ### sp.lstrip() ### sp.rstrip() ### "xxaxx".strip("x") ### "abcba".strip("ab") ### "xyz".lstrip("yx") ### "xyz".rstrip("zy") ### "éaé".strip("é") ### sp.strip(none) ### sp.strip(chars="x") ### "\x1c\u3000a\u00a0".strip() ### "a".strip("") ### "a".strip(1)
s.split() ### s.split(",") ### s.split(", ") ### "a,b,c,d".split(",", 2) ### "a,b,c".split(",", maxsplit=1) ### "a,b,c".split(sep=",") ### "a,b,c".rsplit(",", 1) ### "  a  b ".split(" ") ### "  a  b  c ".split(none, 1) ### "".split() ### "".split(",") ### s.split("") ### "a</think>b</think>c".split("</think>")[-1] ### lines.splitlines() ### lines.splitlines(true) ### "a\x0bb\x85c\u2028d".splitlines() ### "a=b=c".partition("=") ### "a=b=c".rpartition("=") ### "abc".partition("x") ### "abc".rpartition("x")
s.startswith("Hello") ### s.startswith(("x", "He")) ### s.endswith("World") ### s.endswith(("a", "b")) ### s.startswith("ello", 1) ### s.startswith(1) ### s.startswith("") ### s.replace("l", "L") ### s.replace("l", "L", 1) ### s.replace("", "-") ### s.replace("x", "y") ### "aaa".replace("aa", "b") ### s.replace("l") ### s.replace("", "-", 2)
s.find("o") ### s.find("x") ### s.rfind("o") ### s.index("o") ### s.index("x") ### odd.find("🦜") ### s.count("l") ### s.count("") ### "aaaa".count("aa") ### ", ".join(ls) ### ",".join([1]) ### "".join([]) ### ",".join("abc") ### "ab".join(d)
"{} and {}".format(1, "x") ### "{0}{1}{0}".format("a", "b") ### "{a}-{b}".format(a=1, b=none) ### "{{}}".format() ### "{}".format() ### "%s is %d" % ("x", 5) ### "%s" % s ### "%5.2f|%-5s|%05d|%x" % (3.14159, "ab", 42, 255) ### "%d%%" % 50 ### "%s %s" % ("x",) ### "%(a)s" % {"a": 1} ### "%r" % "a" ### "%s" % (1, 2) ### "%+d % d" % (3, 4) ### "%e" % 12345.678 ### "%s" % [1] ### "%i" % 3.9 ### "%d" % "x" ### "%g" % 0.00001 ### "%5s|" % "é" ### "%.2s|" % "abc"
"42".isdigit() ### "4a".isdigit() ### "²".isdigit() ### "".isdigit() ### "abc".isalpha() ### "aé".isalpha() ### "a1".isalnum() ### " \n".isspace() ### "AB1".isupper() ### "ab".islower() ### "Ab".islower() ### "7".zfill(3) ### "-7".zfill(4) ### "ab".ljust(4) ~ "|" ### "ab".rjust(4, "*") ### "ab".center(5) ~ "|" ### "abc".center(6, "-") ### "prefixed".removeprefix("pre") ### "prefixed".removesuffix("ed") ### "a".isascii()
s|upper ### s|lower ### n|upper ### nil|lower ### undefinedname|upper ### s|capitalize ### "foo bar-baz (qux) [x] {y} <z>"|title ### "it's ok"|title ### sp|trim ~ "|" ### "xxaxx"|trim("x") ### n|trim ### nil|trim ### sp|trim|length
s|length ### odd|length ### l|length ### d|length ### e|length ### n|length ### nil|length ### undefinedname|length ### range(4)|length ### s|count ### d.items()|length ### (ls|map("upper"))|length
l|first ### l|last ### e|first ### el|first ### el|first is defined ### el|last ### s|first ### s|last ### d|first ### undefinedname|first ### n|first ### ls|map("upper")|first ### (d|items|list)[0] ### d|items|first ### el|first|upper
l|join(", ") ### ls|join ### mixed|join("|") ### people|join(",", attribute="name") ### s|join("-") ### d|join ### n|join ### undefinedname|join("x") ### el|join(",") ### [1,[2]]|join(none) ### ls|join(d="/")
l|sort ### ls|sort ### ls|sort(case_sensitive=true) ### l|sort(reverse=true) ### people|sort(attribute="age")|map(attribute="name")|list ### people|sort(attribute="name", reverse=true)|map(attribute="name")|join ### mixed|sort ### d|sort ### "hello"|sort|join ### people|sort(attribute="at.c")|length ### [[2,"b"],[1,"z"],[1,"a"]]|sort
l|sum ### [1.5, 2]|sum ### people|sum(attribute="age") ### ls|sum ### el|sum ### l|sum(start=10) ### l|min ### l|max ### ls|min ### ls|max ### el|min ### people|max(attribute="age") == people[0] ### ls|max(case_sensitive=true)
l|reverse|list ### s|reverse ### l|reverse ~ "" is string ### [1,2,1,3,2]|unique|list ### ["a","A","b"]|unique|list ### ["a","A"]|unique(case_sensitive=true)|list ### people|unique(attribute="age")|map(attribute="name")|list ### [1, true, 1.0]|unique|list
ls|map("upper")|list ### ls|map("replace", "a", "o")|list ### people|map(attribute="name")|list ### people|map(attribute="at.c")|list ### people|map(attribute="zz", default="?")|list ### people|map(attribute="zz")|list ### ls|map ### ls|map("nofilter")|list ### undefinedname|map("upper")|list ### nil|map("upper")|list ### l|map("string")|join("+") ### ls|map("trim")|map("upper")|join ### [[1,2],[3]]|map("length")|list ### [[1,2],[3,4]]|map(attribute=1)|list ### [" a "]|map("trim", " ")|list
l|select("odd")|list ### mixed|select|list ### mixed|select("string")|list ### mixed|reject("none")|list ### l|select("gt", 1)|list ### l|reject("equalto", 2)|list ### people|selectattr("age", "equalto", 30)|map(attribute="name")|list ### people|selectattr("at")|list|length ### people|rejectattr("at")|map(attribute="name")|list ### people|selectattr("at", "defined")|list|length ### people|selectattr("age", "lt", 30)|list|length ### people|selectattr|list ### l|select("nosuchtest")|list ### messages|selectattr("role", "eq", "user")|map(attribute="content")|list ### messages|rejectattr("role", "in", ["system", "user"])|list ### nil|select|list ### l|select("divisibleby", 3)|list
d|items|list ### d|dictsort ### d|dictsort(true) ### d|dictsort(reverse=true) ### {"a": 2, "b": 1}|dictsort(by="value") ### {"a": 2}|dictsort(false, "value") ### l|items|list ### undefinedname|items|list ### l|dictsort ### {"b":1,"a":1}|dictsort(by="nothing") ### {1: 2, "a": 3}|dictsort ### s|list ### d|list ### n|list ### range(3)|list
undefinedname|default("x") ### nil|default("x") ### nil|default("x", true) ### e|default("x") ### e|default("x", boolean=true) ### e|d("y", true) ### undefinedname|default ### d.missing|default("m") ### d.missing.more|default("m") ### n|default(1) ### undefinedname|default(default_value=3)
s|replace("l", "L") ### s|replace("l", "L", 1) ### n|replace("7", "8") ### s|replace("o", 0) ### nil|replace("N", "n") ### s|replace(old="H", new="J") ### s|replace("l", "L", count=2) ### s|string|replace("x","y")
lines|indent ### lines|indent(2) ### lines|indent(2, true) ### lines|indent(width=3, first=true, blank=true) ### lines|indent("> ") ### "a"|indent ### "a\n"|indent ~ "|" ### ""|indent(first=true) ~ "|" ### n|indent ### "a\n\nb"|indent(2, blank=true)
"42"|int ### "3.9"|int ### "x"|int ### "x"|int(5) ### "0x1f"|int(base=16) ### "1f"|int(0, 16) ### f|int ### nil|int ### t|int ### " 42 "|int ### "1_000"|int ### el|int ### "-7"|int ### undefinedname|int ### "101"|int(base=2) ### "1e3"|int ### "2.5"|float ### "x"|float ### "x"|float(1.5) ### n|float ### "1e3"|float ### nil|float ### "inf"|float ### "1.5e400"|float
-5|abs ### neg|abs ### (-2.5)|abs ### s|abs ### 2.5|round ### 3.5|round ### 2.675|round(2) ### 42.55|round(1, "floor") ### 42.51|round(1, "ceil") ### 7|round ### 1234.567|round(-2) ### 2.4|round|int ### 2.5|round(0, "common") ### 2.5|round(method="bad") ### s|round ### t|round
n|string ~ "x" ### nil|string ### f|string ### l|string ### "a b  c_d e-f"|wordcount ### "ab"|center(6) ~ "|" ### "%s-%d"|format("a", 1) ### "%(x)s"|format(x=2) ### "<a&'\">"|e ### "<a>"|escape|escape ### "<a>"|safe|e ### "<a>"|forceescape ### "<a>"|e|forceescape ### n|e ### people[0]|attr("name") ### s|attr("upper") is callable ### n|abs|string|length
("<b>"|safe) + "<i>" ### "<i>" + ("<b>"|safe) ### ("<b>"|safe) ~ "<i>" ### ("<b>"|safe)|upper + "&" ### ("%s"|safe) % "<x>" ### ("a"|safe) * 2 + "<" ### [("x"|safe)] ### ("<b>"|safe)|length ### ("<b>"|safe)|replace("b", "<") + "&" ### ("<b>"|safe)|string + "&" ### ("<b>"|safe) == "<b>" ### ("<b>"|safe) is escaped ### ("<b>"|safe)[0] + "<" ### ("a\nb"|safe)|indent + "<" ### ("<b>"|safe)|tojson
d|tojson ### d|tojson(indent=2) ### mixed|tojson ### mixed|tojson(indent=4) ### odd|tojson ### odd|tojson(ensure_ascii=true) ### d|tojson(sort_keys=true) ### d|tojson(separators=(",", ":")) ### [1.0, 1e22, 1.5e-7, huge, none, true]|tojson ### {}|tojson(indent=2) ### []|tojson ### {"a": [], "b": {}}|tojson(indent=1) ### "\x00\x1f\b\f/\u2028"|tojson ### undefinedname|tojson ### {1: 2, none: 1, true: 0, 1.5: 3}|tojson ### {(1,): 2}|tojson ### range(2)|tojson ### (1, 2)|tojson ### ls|map("upper")|tojson ### d|tojson(indent="--") ### d|tojson(2) ### [1,2]|tojson(indent=0) ### d|tojson(indent=none) ### "é"|tojson(true) ### [[1],[2]]|tojson(indent=2, separators=("; ", " = "))
namespace(a=1).a ### namespace(a=1).b ### namespace({"a": 1}, b=2).b ### namespace(_a=1) ### dict(a=1, b=2) ### dict({"x": 1}, y=2) ### dict([("a", 1), ["b", 2]]) ### dict([1]) ### dict(**{"a": 1}) ### range(2, 5)|list ### range(200000) ### range(1, 2, 0) ### range() ### range("a") ### namespace(a=1)["a"] ### dict().get("x") is none
raise_exception("stop " ~ n) ### strftime_now("%d %b %Y") ### strftime_now("%Y-%m-%d %H:%M:%S %A %B %a %j %p %I %y %-d %e %%") ### strftime_now("é%d") ### strftime_now("%B %d, %Y")
n is defined ### undefinedname is defined ### undefinedname is not defined ### nil is none ### nil is not none ### undefinedname is none ### t is true ### n is true ### no is false ### 1 is boolean ### t is boolean ### t is integer ### n is integer ### f is float ### f is number ### t is number ### "1" is number ### s is string ### n is string ### d is mapping ### l is mapping ### l is sequence ### s is sequence ### d is sequence ### n is sequence ### d.keys() is sequence ### l is iterable ### n is iterable ### s is iterable ### undefinedname is iterable ### undefinedname is sequence ### nil is iterable ### ls|map("upper") is iterable ### ls|map("upper") is sequence ### range(3) is sequence ### namespace() is mapping
n is odd ### n is even ### 4 is even ### n is divisibleby 7 ### n is divisibleby(3) ### f is odd ### s is odd ### n is eq 7 ### n is equalto(7) ### n is ne 7 ### n is gt 6 ### n is ge(7) ### n is lt 6 ### n is le 7 ### n is greaterthan 1 ### n is lessthan 1 ### 2 is in [1, 2] ### "a" is in "abc" ### 3 is not in [1] ### nil is sameas none ### n is sameas 7 ### l is sameas l ### l is sameas [3,1,2] ### "abc" is lower ### "ABC" is upper ### "aB" is lower ### "upper" is filter ### "nope" is filter ### "odd" is test ### raise_exception is callable ### s is callable ### n is nosuchtest ### n is defined and s is string ### n is not defined or s ### not n is defined ### n is divisibleby 7 and t ### n is string is string ### s is string ~ "x"
n|nosuchfilter ### s|upper|lower|title ### -n|abs ### (-n)|abs ### n + 1|string|length ### s.split(",")|map("trim")|list|last ### [1,2,3][1:]|first ### {"a": {"b": [10, 20]}}.a.b[-1] ### "a".upper().lower().title() ### (l + [9])[-1] ### ([] or {"x": 1}).x ### not l ### {"a": 1}["a"] ### "x" in {"x": 1} ### (1, 2)[0] ### "abc"[1].upper() ### s.split(", ")[1][0] ### l|sort|last * 2
{{}} ### } ### 1 + ### (1 ### [1, 2 ### "abc ### n..x ### n | ### n is ### 1 2 ### s[ ### a b ### d.[0] ### , ### * ### f(a=1, 2) ### f(**d, **d) ### n if ### x = 1 ### {"a"} ### {1, 2} ### n ! ### $ ### 1.foo ### n.1x ### `a` ### a ? b
n is defined if t else 2 ### [n if z else 3, 4] ### {"a": n if t else 0, "b": 2,} ### [1, 2,] ### (1, 2,) ### range(3,) ### n,s ### n, ### dict(a=n if t else 2) ### 1 if t else 2 if z else 3 ### not t if t else 5 ### "a" if no else "b" ~ "c" ### n - 1 if n else 0 ### (n) ### ((n)) ### l[n - 6] ### l[-n + 6:] ### l[:n - 5] ### -n ** 2 ### 2 * -3 ### n--1 ### n - - 1 ### n*-1 ### 10 - 2 - 3 ### 100 / 10 / 2 ### 2 * 3 % 4 ### "a" ~ "b" * 2 ### 1 + 2 ~ 3 + 4
bos_token ~ s ~ eos_token ### bos_token + messages[0]["content"] ### messages[1].content|trim ### messages[-1]["role"] ### messages[1:]|length ### messages|length - 1 ### messages[0].role == "system" ### (messages|first).content ### messages[99] is defined ### messages[99].role ### messages|last|tojson
ls|select("equalto", "A")|list ### ls|reject("in", ["a", "b"])|join ### l|map("float")|sum ### d.items()|list ### d.items()|map("first")|list ### d|map("upper")|list ### (d|dictsort)[0][0] ### people|map(attribute="age")|unique|sort|list ### people|map("attr", "name")|list ### ("a,b;c".replace(";", ","))|replace(",", "")|list ### "x"|list|tojson ### people[0].keys()|join(",") ### people|length > 2 and people[0].age == 30
"""

TEMPLATES = [
    # white space
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}\n  b\n  {% endif %}\nc", "a {% if true %} b {% endif %} c", "a\n  {%- if true -%}\n  b\n  {%- endif -%}\n c",
    "a\n  {%+ if true %}\n b\n  {%+ endif %}\n c", "a\n  {% if true +%}\n b{% endif +%}\n c", "x\n  {{ 1 }}\n  y", "x\n  {{- 1 -}}\n  y", "x  {{- 1 }}  {{ 2 -}}  y",
    "a\n  {# c #}\n b", "a {# c #} b", "a\n{#- c -#}\n b", "a\n  {#+ c +#}\n b", "{# a\n b #}x\n", "x\n\n", "x\n\n\n", "\n", "", "a\r\nb\rc\n", "a\r\n{% if true %}\r\nb{% endif %}\r\n",
    "{% raw %}{{ x }} {% if %}{% endraw %}", "a\n  {% raw %}\n  {{ x }}\n  {% endraw %}\nb", "{%- raw -%}  a  {%- endraw -%}  b", "{% raw %}a", "  {% raw +%}x{% endraw %}", "{%raw%}{%endraw%}",
    "{% if true %}  {% endif %}|", "  {% if true %}x{% endif %}", "\t{% if true %}x{% endif %}  \n  {% if true %}y{% endif %}", "{{ 1 }}\n{{ 2 }}\n", "{{ 1 }}  {% if true %}  x{% endif %}", "{% set x = 1 %}\n\n{{ x }}",
    "{%if true%}a{%endif%}", "{{1}}{{'a'}}{{ '}}' }}{{ '%}' }}", "{{ {'a': {'b': 1}} }}", "{{ {'a':{'b':{}}}}}", "{ { } } {x} %} }} #}", "a {", "a {{", "a {%", "{#", "{{ 1 }", "{% if %}", "{%", "{{ '\n' }}",
    "{# {{ #}a", "{{ '{#' }}b{# c #}", "{%- if true %}\n  a\n{%- endif %}", "{% if true -%}\n\n a {%- endif %}", "a{{ '' }}\n", "\u00a0{% if true %}x{% endif %}", "x\u3000\n {%- if true %}y{% endif %}", "a\n\x0b{% if true %}b{% endif %}",
    # statements
    "{% if n > 5 %}a{% elif n > 3 %}b{% else %}c{% endif %}", "{% if z %}a{% elif n %}b{% else %}c{% endif %}", "{% if z %}a{% elif z %}b{% elif z %}d{% else %}c{% endif %}", "{% if z %}a{% endif %}", "{% if a.b %}{% endif %}", "{% if true %}a", "{% else %}", "{% endif %}", "{% if 1 %}{% else %}{% elif 2 %}{% endif %}", "{% nosuch %}", "{% if n, %}x{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in el %}a{% else %}none{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}", "{% for x in l %}{{ loop.previtem.x }}{% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1,1,2,2] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in l %}{{ loop.nosuch }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d|items %}{{ k }}{{ loop.last }}{% endfor %}", "{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in ['xy'] %}{{ b }}{% endfor %}", "{% for (a) in l %}{{ a }}{% endfor %}", "{% for a, in [[1],[2]] %}{{ a }}{% endfor %}",
    "{% for c in s %}{{ c }}-{% endfor %}", "{% for x in nil %}{% endfor %}", "{% for x in n %}{% endfor %}", "{% for x in undefinedname %}a{% else %}b{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}", "{% for x in l if x > 9 %}a{% else %}b{% endfor %}", "{% for x in l if loop.first %}{% endfor %}", "{% for m in messages if m.role != 'system' %}{{ loop.index0 }}{{ m.content|trim }}{{ loop.last }}\n{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}|{% endfor %}", "{% for x in l %}{% break %}{% else %}e{% endfor %}", "{% break %}", "{% continue %}", "{% for x in l %}{{ loop.index }}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{{ loop }}", "{{ loop is defined }}", "{% for x in [1] %}{% endfor %}{{ x }}{{ loop is defined }}", "{% for loop in l %}{% endfor %}", "{% for x in l %}{% endfor", "{% for x in %}{% endfor %}", "{% for x l %}{% endfor %}", "{% for 1 in l %}{% endfor %}", "{% for x in l recursive %}{{ x }}{% endfor %}x",
    "{% set x = 1 %}{{ x }}", "{% set x = 1, 2 %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = 1 %}", "{% set x = 1 %}{% for i in l %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = x + i %}{{ x }} {% endfor %}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}", "{% set q.x = 1 %}", "{% set nosuch.x = 1 %}", "{% set d.x = 1 %}", "{% set ns = namespace() %}{% set ns._a = 1 %}", "{% set x %}a{{ n }}b{% endset %}{{ x }}{{ x|length }}", "{% set x | upper | trim %} a {% endset %}[{{ x }}]", "{% set x %}{% set y = 2 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}", "{% if t %}{% set x = 5 %}{% endif %}{{ x }}", "{% if no %}{% set n = 5 %}{% endif %}{{ n }}", "{% if t %}{% set n = n + 1 %}{% endif %}{{ n }}", "{% set n = n + 1 %}{{ n }}", "{% for i in l %}{% set n = n + i %}{{ n }} {% endfor %}{{ n }}", "{% set true = 1 %}", "{% set 1 = 2 %}", "{% set x = %}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set ns = namespace(a=1) %}{% set ns.a, b = 2, 3 %}{{ ns.a }}{{ b }}", "{% set ns = namespace(x='') %}{% for i in range(5) %}{% set ns.x = ns.x ~ i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace(m=[]) %}{% for i in l %}{% set ns.m = ns.m + [i] %}{% endfor %}{{ ns.m }}", "{{ namespace(a=1) is mapping }}{% set ns=namespace(l=l) %}{{ ns.l[0] }}",
    "{% macro m(a, b=2) %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(c=2) }}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(5) }}", "{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(5) }}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ m() }}", "{% set x = 1 %}{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "{% macro m(a) -%} {{ a }} {%- endmacro %}[{{ m('q') }}]", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% macro m(a, b=1, c) %}{% endmacro %}", "{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m('x')|upper }}{{ m(m('y')) }}{{ m('z')|length }}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{{ m('x') }}{% macro m(a) %}{{ a }}{% endmacro %}", "{% macro m(l) %}{% for i in l %}{{ i }}{{ loop.last }}{% endfor %}{% endmacro %}{{ m([1,2]) }}", "{% macro a(x) %}{{ b(x) }}{% endmacro %}{% macro b(x) %}({{ x }}){% endmacro %}{{ a(1) }}", "{% macro m(x) %}{% if x is mapping %}{% for k in x %}{{ k }}:{{ m(x[k]) }};{% endfor %}{% elif x is iterable and x is not string %}[{% for i in x %}{{ m(i) }},{% endfor %}]{% else %}{{ x }}{% endif %}{% endmacro %}{{ m(d) }}{{ m(mixed) }}", "{% macro m(x) %}a{% endmacro %}{{ m is callable }}{{ m.name }}", "{% macro m(x, y) %}{{ x }}{{ y }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'x': 3, 'y': 4}) }}{{ m(5, **{'y': 6}) }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(x=1, x=2) }}", "{% macro m %}{% endmacro %}", "{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% macro box(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call box('b') %}in {{ n }}{% endcall %}", "{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) each(l) %}({{ y }}){% endcall %}", "{% call n() %}{% endcall %}", "{% call n %}{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}",
    "{% filter upper %}abc {{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aXa{% endfilter %}", "{% filter nosuch %}x{% endfilter %}", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with a = n %}{% set a = 2 %}{{ a }}{% endwith %}", "{% with a = 1, b = a %}{{ b }}{% endwith %}", "{% with %}{% set w = 1 %}{{ w }}{% endwith %}{{ w is defined }}", "{% print n, s %}", "{% generation %}a{{ n }}{% set g = 1 %}{% endgeneration %}{{ g is defined }}", "{% for i in l %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% if true: %}a{% endif %}", "{% for x in l: %}{{ x }}{% endfor %}", "{{ 1 }}{{ raise_exception('no ' + s) }}", "{% if z %}{{ n|nosuchfilter }}{% endif %}ok", "{% if z %}{{ n is nosuchtest }}{% endif %}ok",
    # idioms of chat templates
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set system = 'default' %}{% set rest = messages %}{% endif %}{{ bos_token }}{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if loop.index0 == 0 %}{% set content = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + m['content'] %}{% else %}{% set content = m['content'] %}{% endif %}{% if m['role'] == 'user' %}{{ '[INST] ' + content.strip() + ' [/INST]' }}{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "{%- set ns = namespace(is_first=true, last=-1) %}\n{%- for m in messages %}\n    {%- if m.role == 'user' %}\n        {%- set ns.last = loop.index0 %}\n    {%- endif %}\n{%- endfor %}\n{%- for m in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {{- index ~ ':' ~ m.role ~ ' ' }}\n{%- endfor %}\n{{- ns.last }}",
    "{%- for m in messages %}\n    {%- if m.content is string %}\n        {%- set content = m.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n    {{- '<|' + m.role + '|>\\n' + content.lstrip('\\n').rstrip() + '<|end|>\\n' }}\n{%- endfor %}",
    "{%- if not tools is defined %}\n{%- set tools = none %}\n{%- endif %}\n{{- 'none' if tools is none else tools|length }}", "{%- if tools_in_user is not defined %}{% set tools_in_user = true %}{% endif %}{{ tools_in_user }}", "{{- strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' }}",
    "{%- for k, v in d|dictsort %}{{ k }}: {{ v|tojson(indent=2)|indent(4) }}\n{% endfor %}", "{% for p in people %}{{ p.name|capitalize }}{% if p.at is defined and p.at.c %} ({{ p.at.c }}){% endif %}{{ ', ' if not loop.last }}{% endfor %}", "{% set parts = 'a</think>b'.split('</think>') %}{{ parts[0].split('<think>')[-1].lstrip('\n') }}|{{ parts[-1] }}", "{{ '<think>\nx\n</think>\n\ny'.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') }}",
]
# What Jinja renders and we refuse by name (MN_E_UNSUPPORTED); docs/design/chat.md says why.
APART = {"{{ n.real }}", "{% for x in l recursive %}{{ x }}{% endfor %}x"}


def expressions():
    for row in EXPRESSIONS.replace("\\\nx", "\\\0x").split("\n"):
        for one in row.replace("\\\0x", "\\\nx").split("###"):
            if one.strip():
                yield "{{ " + one.strip() + " }}"


def cases():
    yield from expressions()
    yield from TEMPLATES


def main():
    n = refused = 0
    with open(OUT, "w", encoding="utf-8") as out:
        head = {"made_by": "tools/golden/jinja.py", "jinja2": jinja2.__version__, "transformers": transformers.__version__, "python": platform.python_version(),
                "now_ms": int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000), "vars": VARS, "trusted": TRUSTED}
        out.write(json.dumps(head, ensure_ascii=True) + "\n")
        for template in cases():
            case = {"template": template}
            try:
                text = templates._compile_jinja_template(template).render(**VARS, **TRUSTED)
                text.encode()
                case["text"] = text
            except Exception:
                case["error"] = True
                refused += 1
            if template in APART:
                case = {"template": template, "unsupported": True}
            if " at 0x" in case.get("text", "") or "<bound" in case.get("text", "") or "<built-in" in case.get("text", "") or "<function" in case.get("text", "") or "<Macro" in case.get("text", ""):
                continue
            out.write(json.dumps(case, ensure_ascii=True) + "\n")
            n += 1
    print(f"{n} cases, {refused} of them refused")


if __name__ == "__main__":
    main()
