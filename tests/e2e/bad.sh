#!/bin/sh
# Bad input and failures, against the real program: each case gets the exit code that is documented, exactly one line on
# stderr that names the thing and says what to do, JSON on stdout where --json was asked for, and nothing is changed.
#
#   tests/e2e/bad.sh PROGRAM [COUNTS]    prints "ok NAME", "not ok NAME" and "skipped NAME: reason"; adds
#                                        "passed failed skipped" to the file COUNTS; exit 0 when nothing failed
#   MESSAGES=FILE tests/e2e/bad.sh …     also collects what the program said, to be read aloud
#
# bad_files.py beside this writes the damaged files, bad_http.py speaks to the server.
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
counts=${2:-/dev/null}
messages=${MESSAGES:-/dev/null}
dir=$(mktemp -d)
chmod 755 "$dir"
mynah=$dir/mynah # a copy that another user may run too
cp "$program" "$mynah"
chmod 755 "$mynah"
cd "$dir" || exit 1
mounted=
pids=
passed=0 failed=0 skipped=0
cleanup() {
    for p in $pids; do kill -9 "$p" 2>/dev/null; done
    [ -z "$mounted" ] || umount "$mounted" || umount -l "$mounted"
    chmod -R u+rwx "$dir" 2>/dev/null
    rm -rf "$dir"
    [ -n "$done" ] || failed=$((failed + 1)) # it ended in the middle
    echo "$passed $failed $skipped" >>"$counts"
}
done=
trap cleanup EXIT
trap 'exit 130' INT TERM
ok() {
    passed=$((passed + 1))
    echo "ok $1"
}
not_ok() { # not_ok NAME WHY
    failed=$((failed + 1))
    echo "not ok $1: $2"
    [ ! -s err ] || head -c 600 err | head -n 5 | sed 's/^/    stderr: /'
    [ ! -s out ] || head -c 300 out | head -n 2 | sed 's/^/    stdout: /'
}
skip() { # skip NAME REASON
    skipped=$((skipped + 1))
    echo "skipped $1: $2"
}

# ---- what may not change -------------------------------------------------------------------------------------------

# Accounts with their numbers of posts, as the program tells them; names, sizes and times of all files but the database's,
# the index' and the locks.
state() { # state DATA
    "$mynah" account list --json --data "$1" 2>&1
    find "$1" \( -name 'mynah.db*' -o -path "$1/search/*" -o -name '*lock' \) -prune -o -type f -printf '%p %s %T@\n' | sort
}
outside() { find "$dir" "$dir/.." /tmp -maxdepth 1 -name '*outside*' 2>/dev/null; }

talk='^(note: |corpus [0-9.]+ .B, |[a-z0-9.-]+: [a-z]+, [0-9.]+ M parameters|step [0-9]+: )' # of train: its rule, its first line, its held-out lines

# The program's exit code, stderr and stdout against what was expected of them. What --json printed is kept, and read by
# judge_json all at once.
mkdir printed
judge() { # judge NAME EXIT PATTERN
    lines=$(grep -cvE "$talk" err)
    said=$(grep -vE "$talk" err)
    echo "$said" >>"$messages"
    if [ "$rc" != "$2" ]; then not_ok "$1" "exit $rc, not $2"
    elif [ "$lines" != 1 ]; then not_ok "$1" "$lines lines on stderr, not 1"
    elif ! echo "$said" | grep -qE '^mynah( [a-z ]+)?: '; then not_ok "$1" "does not begin with the command's name"
    elif ! echo "$said" | grep -qE -e "$3"; then not_ok "$1" "says '$said', not /$3/"
    elif [ -z "$json" ] && [ -s out ]; then not_ok "$1" "something is on stdout"
    else
        [ -z "$json" ] || cp out "printed/$(echo "$1" | tr / _)"
        return 0
    fi
    return 1
}
judge_json() {
    if python3 - >json.err <<'PY'; then ok "stdout is JSON, $(find printed -type f | wc -l) times"; else not_ok "stdout is JSON" "$(cat json.err)"; fi
import json, os, sys
bad = 0
for name in os.listdir("printed"):
    with open(os.path.join("printed", name), encoding="utf-8") as f:
        text = f.read()
    try:
        got = [json.loads(line) for line in text.splitlines()]
        good = bool(got)
    except ValueError:
        good = False
    if not good:
        print(name, repr(text[:200]))
        bad += 1
sys.exit(bad > 0)
PY
}
run() { # run COMMAND…: rc, out, err
    json=
    case " $* " in *" --json "*) json=1 ;; esac
    timeout -k 1 40 "$@" >out 2>err </dev/null
    rc=$?
}
# A refusal.
refuse() { # refuse NAME EXIT PATTERN ARGUMENT…
    name=$1 code=$2 pattern=$3
    shift 3
    run "$mynah" "$@"
    judge "$name" "$code" "$pattern" && ok "$name"
    [ -z "$each" ] || unchanged "$name"
}
# The data folder as it was when watching began?
each= # non-empty: asked after each refusal
watching() { # watching DATA
    watch=$1
    state "$watch" >before
}
unchanged() { # unchanged NAME
    state "$watch" >after
    cmp -s before after && return
    diff before after | head -n 5 | sed 's/^/    /'
    not_ok "$1" "something was changed"
    mv after before
}
nothing_changed() { # nothing_changed NAME: at the end of a group
    so_far=$failed
    unchanged "$1: nothing changed"
    [ "$so_far" != "$failed" ] || ok "$1: nothing changed"
    each=
}
field() { python3 -c 'import json,sys; d=json.loads(open("out").read().strip().splitlines()[-1]); print(eval("d"+sys.argv[1]))' "$1"; }
posts() { "$mynah" account list --json --data "$1" | python3 -c 'import json,sys; print(sum(json.loads(l)["posts"] for l in sys.stdin))'; }
# A user who may write nowhere: root becomes nobody, anybody else is one already.
nobody=
[ "$(id -u)" != 0 ] || nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
as_nobody() { $nobody "$@"; }
files() { python3 "$here/bad_files.py" "$@"; }

# ---- a community, a corpus and a model of our own ------------------------------------------------------------------

files bad
python3 - >posts.jsonl <<'PY'
import json, random
r = random.Random(3)
who = ["ada", "bruno", "chiara", "dmitri", "elif", "femi", "grace", "hugo"]
what = ["the ferry", "the bakery", "our choir", "the old bridge", "the night market", "the school", "the river", "the museum"]
does = ["opens again", "is closed", "needs volunteers", "looks splendid", "was repaired", "moves", "celebrates", "is very loud"]
when = ["this morning", "on Friday", "after the storm", "for the summer", "since March", "next week", "at noon", "until Sunday"]
for i in range(3000):
    t = f"{r.choice(what).capitalize()} {r.choice(does)} {r.choice(when)}; {r.choice(who)} counted {r.randint(2, 990)} people near {r.choice(what)}."
    print(json.dumps({"id": f"n{i}", "created_at": f"2026-0{1 + i % 9}-{1 + i % 28:02d}T0{i % 10}:00:{i % 60:02d}Z", "author": r.choice(who), "text": t, "lang": "en"}))
PY
python3 - >many.jsonl <<'PY'
for i in range(100000):
    print('{"id":"m%d","created_at":"2026-05-%02dT10:00:%02dZ","author":"w%d","text":"Parcel %d left the harbour for island %d with %d sacks of grain and a letter."}' % (i, 1 + i % 28, i % 60, i % 50, i, i % 77, i * 7919 % 1000))
PY
data=$dir/data
export MYNAH_DATA="$data"
"$mynah" import posts.jsonl --consent train_generative=allow --consent inference_input=allow --json >out 2>err &&
    "$mynah" corpus build --name c --json >out 2>err &&
    "$mynah" train --corpus c --preset nano --steps 2 --batch 1 --name m --json >out 2>err &&
    "$mynah" search ferry >out 2>err || {
    not_ok "a community to begin with" "cannot be made"
    done=1
    exit 1
}

# ---- files to import -----------------------------------------------------------------------------------------------

watching "$data"
each=1
import() { # import NAME PATTERN FILE [OPTION…]: refused, and says that nothing was taken
    n=$1 p=$2
    shift 2
    refuse "import: $n" 1 "$p" import "$@" --json
}
import "truncated JSON lines" "truncated.jsonl', line 51.*cut short|truncated.jsonl', line 51.*nothing was taken" bad/truncated.jsonl
for c in text-is-number text-is-object author-is-list consent-is-word; do
    import "wrong type, $c" "'$c.jsonl', line 51, column [0-9]+: expected .*nothing was taken" bad/$c.jsonl
done
import "a time that is none" "line 51: \"created_at\" is 'yesterday'.*nothing was taken" bad/time-is-word.jsonl
import "no id" "line 51: \"id\" is missing.*nothing was taken" bad/no-id.jsonl
import "a line that is a list" "line 51, column 1: expected an object" bad/array.jsonl
import "a purpose that does not exist" "line 51: .*there is no purpose 'everything'" bad/consent-purpose.jsonl
import "invalid UTF-8" "line 51, column [0-9]+: .*UTF-8" bad/not-utf8.jsonl
import "half a surrogate pair" "line 51, column [0-9]+: .*surrogate" bad/surrogate.jsonl
import "a NUL byte" "line 51, column [0-9]+: .*control character" bad/nul.jsonl
import "a line of 2 MiB" "line 51.*longer than 1 ?MiB|line 51.*longer than 1048576" bad/long-line.jsonl
import "nested 100,000 deep" "line 51, column [0-9]+: nested more than" bad/deep.jsonl
import "not JSON" "line 51, column 1: expected an object" bad/not-json.jsonl
import "plain words" "cannot tell what 'bad/words.txt' is.*--format" bad/words.txt
import "plain words named JSON lines" "words.txt', line 1, column 1: expected an object" bad/words.txt --format jsonl
import "random bytes" "cannot tell what 'bad/binary.bin' is.*--format" bad/binary.bin
for f in x grailbird mastodon; do
    import "random bytes named $f" "nothing was taken|nothing .* in|is not|no " bad/binary.bin --format $f
done
import "a folder with nothing in it" "'bad/nothing'" bad/nothing
import "a file that is not there" "there is no file or folder 'bad/nowhere.jsonl'" bad/nowhere.jsonl
import "path with .. in a zip" "entry '../../outside.jsonl', whose name leads out" bad/traversal.zip
import "absolute path in a zip" "absolute name" bad/absolute.zip
import "backslashes in a zip" "leads out|backslash" bad/backslash.zip
import "path with .. in a tar.gz" "leads out" bad/traversal.tar.gz
import "symbolic link in a zip" "which is a link" bad/symlink.zip
import "symbolic link in a tar.gz" "which is a link" bad/symlink.tar.gz
import "hard link in a tar.gz" "which is a link" bad/hardlink.tar.gz
import "a truncated zip" "'bad/cut.zip'.*cut short" bad/cut.zip
import "a zip cut at its start" "'bad/cut-early.zip'.*cut short" bad/cut-early.zip
import "a truncated tar.gz" "'bad/cut.tar.gz'.*cut short" bad/cut.tar.gz
import "a zip with a flipped byte" "'bad/crc.zip'.*damaged" bad/crc.zip
import "a zip bomb" "unpacks to more than 200 times" bad/bomb.zip
import "a zip of 300,000 entries" "more than 200,?000 files" bad/many.zip
import "a zip in a zip" "cannot tell what" bad/nested.zip
import "X archive, broken in the middle" "'data/tweets.js', item 25001.*'bad/x-broken.zip'" bad/x-broken.zip
import "X archive, cut short" "'data/tweets.js'.*cut short" bad/x-cut.zip
import "Mastodon archive, cut short" "'outbox.json'.*cut short" bad/mastodon-broken
import "Grailbird archive, cut short" "tweet_index.js" bad/grailbird-broken
[ -z "$(outside)" ] && ok "import: nothing was written outside" || not_ok "import: nothing was written outside" "$(outside)"
run "$mynah" import bad/empty.jsonl --json
[ $rc = 0 ] && [ "$(field '["read"]')" = 0 ] && ok "import: an empty file is zero posts" || not_ok "import: an empty file is zero posts" "exit $rc"
if as_nobody test -x "$mynah" && ! as_nobody test -r bad/unreadable.jsonl; then
    mkdir -m 777 theirs
    # shellcheck disable=SC2086
    run $nobody "$mynah" import bad/unreadable.jsonl --json --data "$dir/theirs/data"
    judge "import: a file without permission" 1 "unreadable.jsonl'.*[Pp]ermission" && ok "import: a file without permission"
else
    skip "import: a file without permission" "cannot become another user here"
fi

nothing_changed import

# ---- settings and the database -------------------------------------------------------------------------------------

settings() { # settings NAME PATTERN LINE
    rm -rf set
    mkdir set
    printf '%b\n' "$3" >set/mynah.conf
    refuse "mynah.conf: $1" "${4:-1}" "$2" account list --data set --json
    [ "$(ls set)" = mynah.conf ] || not_ok "mynah.conf: $1" "made $(ls set)"
}
settings "unknown key" "mynah.conf:1: unknown key 'lissten'.*'listen'" "lissten = 127.0.0.1:1" 2
settings "no equals sign" "mynah.conf:2: expected 'key = value'" "# mine\nlisten 127.0.0.1:1"
settings "a bad value" "'durability' in .*mynah.conf' is normal or full, not 'maybe'" "durability = maybe" 2
settings "a key twice" "mynah.conf:2: 'domain' is set a second time" "domain = a.example\ndomain = b.example" 2
settings "quotes not closed" "mynah.conf:1: the quotes are not closed" 'domain = "a.example'
settings "not UTF-8" "mynah.conf:1: the line is not UTF-8" 'domain = \0377\0376'

copy() {
    rm -rf copy
    cp -a "$data" copy
}
copy
python3 -c 'open("copy/mynah.db","r+b").write(b"this is no database, it only has the name of one")'
rm -f copy/mynah.db-wal copy/mynah.db-shm
refuse "database: overwritten header" 1 "'copy/mynah.db'.*(backup|restore)" account list --data copy --json
copy
python3 - <<'PY'
import sqlite3
d = sqlite3.connect("copy/mynah.db")
v = d.execute("pragma user_version").fetchone()[0]
d.execute(f"pragma user_version = {v + 1000}")
for (t,) in d.execute("select name from sqlite_master where type='table' and name like '%schema%'").fetchall():
    d.execute(f"update {t} set version = 1000") if "version" in [c[1] for c in d.execute(f"pragma table_info({t})")] else None
d.commit()
PY
refuse "database: written by a newer version" 1 "'copy/mynah.db'.*newer" account list --data copy --json
copy
truncate -s 10000 copy/mynah.db
refuse "database: cut short" 1 "'copy/mynah.db'.*(backup|restore)" account list --data copy --json
rm -rf copy
mkdir -p copy/mynah.db
refuse "database: a folder in its place" 1 "copy/mynah.db'" account list --data copy --json
refuse "data folder: a file in its place" 1 "posts.jsonl' is not a folder; choose another" account list --data posts.jsonl --json

# ---- corpora, models, the index ------------------------------------------------------------------------------------

again='corpus build'
damaged() { # damaged FILE OFFSET: of the corpus; verify and train name the file, and a good corpus is not needed to say so
    copy
    files flip "copy/corpus/c/$1" "$2"
    watching copy
    each=1
    refuse "corpus verify: damaged $1 at $2" 1 "$1' .*($again|again)" corpus verify c --data copy --json
    refuse "train: damaged $1 at $2" 1 "$1' .*($again|again)" train --corpus c --preset nano --steps 2 --name n --data copy --json
    each=
}
for f in train.bin train.docs train.origin; do
    damaged $f 0
    damaged $f -1
done
damaged manifest.json 0
damaged tokenizer.json -1
for f in train.bin train.docs train.origin train.txt tokenizer.json manifest.json; do
    copy
    truncate -s -9 "copy/corpus/c/$f"
    refuse "corpus verify: $f is cut short" 1 "$f'.*again" corpus verify c --data copy --json
    rm "copy/corpus/c/$f"
    refuse "corpus verify: $f is missing" 1 "$f'.*again|no corpus" corpus verify c --data copy --json
    [ $f = train.txt ] || refuse "train: $f is missing" 1 "$f'.*again|no corpus|corpus build" train --corpus c --preset nano --steps 2 --name n --data copy --json
done
watching "$data"
refuse "corpus verify: no such corpus" 1 "'zzz'.* c" corpus verify zzz --json
refuse "corpus stats: a name that is a path" 1 "'../../etc'" corpus stats ../../etc --json
refuse "corpus build: a name that is a path" 2 "'../x'" corpus build --name ../x --json
refuse "corpus build: a name that is taken" 1 "'c'.*another name|'c'.*--name" corpus build --name c --val-share 0.1 --json
refuse "train: no such corpus" 1 "'zzz'|/zzz'" train --corpus zzz --json
refuse "train: a name that is a path" 2 "'../../x'" train --corpus c --name ../../x --steps 1 --json
refuse "train: a model that is there already" 1 "'m'.*--resume|/m'.*--resume|another" train --corpus c --name m --steps 1 --json
MYNAH_CUDA_LIB=/nowhere.so refuse "train: no GPU" 1 "no GPU can be used: /nowhere.so.*--device cpu" train --corpus c --device cuda --name gpu --steps 1 --json
MYNAH_CUDA_LIB=/nowhere.so refuse "generate: no GPU" 1 "no GPU can be used: /nowhere.so.*--device cpu" generate --model m --device cuda --json
refuse "train --resume: nothing to resume" 1 "mynah train" train --resume --json
refuse "train --resume: no such model" 1 "'zzz'|/zzz'" train --resume --name zzz --json
refuse "train --continue: no such model" 1 "no model 'zzz'.*model list" train --corpus c --continue zzz --name n --json
refuse "corpus build --after: no such corpus" 1 "'zzz'" corpus build --after zzz --json
refuse "corpus build --tokenizer: no such model" 1 "'zzz'" corpus build --tokenizer zzz --json
refuse "train --from: no such model" 1 "no model 'zzz'.*model list" train --corpus c --from zzz --name n --json
for c in generate "eval --text posts.jsonl" "ask ferry"; do
    # shellcheck disable=SC2086
    refuse "${c%% *}: no such model" 1 "no model 'zzz'.*model list" $c --model zzz --json
done
refuse "model show: no such model" 1 "no model 'zzz'" model show zzz --json
refuse "model promote: no such model" 1 "no model 'zzz'" model promote zzz --json
refuse "model promote: a path" 2 "'../m'" model promote ../m --json
refuse "eval: no such text" 1 "'nowhere.txt'" eval --model m --text nowhere.txt --json
refuse "eval: an empty text" 1 "'bad/empty.jsonl' has no text" eval --model m --text bad/empty.jsonl --json
refuse "eval: a text that is not UTF-8" 1 "line 51 of 'bad/not-utf8.jsonl' is not valid UTF-8" eval --model m --text bad/not-utf8.jsonl --json
refuse "eval: toxicity without labels" 2 "needs labelled tweets.*--tweeteval DIR" eval --model m --corpus c --toxicity --json
refuse "eval: labels that are not there" 1 "no labelled tweets.*'nowhere/offensive" eval --model m --corpus c --toxicity --tweeteval nowhere --json
refuse "eval: samples of no corpus" 2 "name the corpus.*--corpus NAME" eval --model m --samples --json
refuse "eval: no samples at all" 2 "sample is out of range" eval --model m --corpus c --samples --sample 0 --json
refuse "tokenizer: no such file" 1 "'zzz" tokenizer encode --tokenizer zzz hello --json
refuse "tokenizer train: no such file" 1 "'nowhere.txt'" tokenizer train --input nowhere.txt --vocab 500 --out t.json --json
[ ! -e t.json ] || not_ok "tokenizer train: no such file" "wrote t.json"
for c in $(files models bad "$data/models/m"); do
    which=${c%%-*}
    case $which in config) f=config.json ;; tok) f=tokenizer.json ;; *) f=model.safetensors ;; esac
    p="bad/model-$c/$f'|bad/model-$c'"
    refuse "generate: hostile model, $c" 1 "$p" generate --model "bad/model-$c" --prompt x --max-tokens 2 --json
    refuse "eval: hostile model, $c" 1 "$p" eval --model "bad/model-$c" --text posts.jsonl --json
    refuse "train --from: hostile model, $c" 1 "$p|tokenizer" train --corpus c --from "bad/model-$c" --steps 1 --name n --json
done
nothing_changed "corpora and models"
rm -rf fresh
for c in generate "eval --text posts.jsonl"; do
    # shellcheck disable=SC2086
    refuse "${c%% *}: no model yet" 1 "no model yet.*mynah train" $c --data fresh --json
done
refuse "train: no corpus yet" 1 "corpus build" train --data fresh --json
refuse "corpus build: no post yet" 1 "mynah import|import" corpus build --data fresh --json

segment=$(cd "$data" && ls search/*.seg | head -n 1)
for at in 0 200 -1; do
    copy
    files flip "copy/$segment" $at
    run "$mynah" search ferry --data copy --json
    if [ $rc != 0 ] || ! grep -q '"id"' out; then not_ok "search: damaged segment at $at" "exit $rc"
    elif ! grep -q "made again" err || [ "$(grep -c . err)" != 1 ]; then not_ok "search: damaged segment at $at" "does not say that the index was built again"
    else ok "search: damaged segment at $at"; fi
done
copy
echo '{"half' >copy/search/manifest.json
run "$mynah" search ferry --data copy --json
[ $rc = 0 ] && grep -q '"id"' out && [ "$(grep -c . err)" = 1 ] && ok "search: damaged manifest" || not_ok "search: damaged manifest" "exit $rc"

# ---- wrong usage ---------------------------------------------------------------------------------------------------

watching "$data"
what_to_do='--help|mynah help|--list|did you mean|expected|should|needs a value|must|there is no|out of range|too large|at most|below|made of|from .* to|is not a post|is allow, deny|give |name a'
usage() { # usage ARGUMENT…: exit 2 and one line
    refuse "usage: $*" 2 "$what_to_do" "$@"
}
for c in serve import "account list" "account create" "corpus build" "corpus list" "corpus verify" "corpus stats" train search ask eval generate \
    "model list" "tokenizer train" "tokenizer encode" "tokenizer decode" bench; do
    # shellcheck disable=SC2086
    usage $c --no-such-option
    # shellcheck disable=SC2086
    usage $c --data
done
usage nonsense
usage trian
for c in account corpus model tokenizer; do usage $c nonsense; done
usage import
usage import posts.jsonl --format word
usage import posts.jsonl --consent everything=allow
usage import posts.jsonl --consent search=maybe
usage import posts.jsonl --as 'two words'
usage import posts.jsonl --media-mib -1
usage account create
usage account create a b
usage account create 'no/slash'
usage account create ok --role king
usage account show
usage account list extra
usage account consent ada train_generative=perhaps
usage corpus build extra
usage corpus build --val-share 2
usage corpus build --val-share nan
usage corpus build --threads many
usage corpus build --vocab 1
usage corpus verify a b
usage train extra
usage train --minutes soon
usage train --minutes -1
usage train --preset huge
usage train --dtype f64
usage train --device gpu
usage train --device cuda:
usage generate --device gpu
usage chat --device cuda:12
usage serve --device cuda:x
usage train --tokens 1e99
usage train --context 1
usage train --threads 100000
usage search
usage search ferry --limit x
usage search ferry --before yesterday
usage ask
usage eval
usage generate extra
usage generate --temperature hot
usage generate --temperature -1
usage generate --top-p 7
usage generate --max-tokens 99999999999
usage model show
usage model promote
usage model rollback extra
usage learn extra
usage learn --replay 0.995
usage learn --minutes soon
usage train --corpus c --continue m --optim adamw
usage corpus build --replay 0.5
usage corpus build --after c --vocab 600
usage generate --month 2026
usage generate --month 2026-13
usage tokenizer train --vocab 500
usage tokenizer encode hello
usage tokenizer decode --tokenizer "$data/models/m/tokenizer.json" word
usage serve extra
usage serve --listen nowhere
usage serve --listen 127.0.0.1:99999
usage serve --threads 1000
usage bench nonsense
nothing_changed usage

# ---- a folder that may not be written; a full disk ------------------------------------------------------------------

if as_nobody test -x "$mynah"; then
    copy
    chmod -R go+rX copy
    [ "$(id -u)" = 0 ] || chmod -R a-w copy
    watching copy
    readonly_case() {
        n=$1
        shift
        # shellcheck disable=SC2086
        run $nobody "$mynah" "$@" --data "$dir/copy" --json
        judge "read-only data folder: $n" 1 "'$dir/copy'.*writable" && ok "read-only data folder: $n"
    }
    readonly_case import import posts.jsonl
    readonly_case "corpus build" corpus build --name r
    readonly_case train train --corpus c --preset nano --steps 1 --name r
    readonly_case search search ferry
    # shellcheck disable=SC2086
    run $nobody "$mynah" serve --data "$dir/copy" --listen 127.0.0.1:0
    judge "read-only data folder: serve" 1 "'$dir/copy'.*writable" && ok "read-only data folder: serve"
    nothing_changed "read-only data folder"
    chmod -R u+w copy
    mkdir -m 755 closed
    [ "$(id -u)" = 0 ] || chmod a-w closed
    # shellcheck disable=SC2086
    run $nobody "$mynah" account list --data "$dir/closed/data" --json
    judge "data folder that cannot be made" 1 "closed/data'.*choose another" && ok "data folder that cannot be made"
else
    skip "read-only data folder" "cannot become another user here"
fi

mkdir full
full() { # full NAME PATTERN ARGUMENT…: fails for want of space; afterwards all is as before and still works
    n=$1 p=$2
    shift 2
    watching full
    run "$mynah" "$@" --data full --json
    judge "full disk: $n" 1 "$p" && ok "full disk: $n"
    nothing_changed "full disk: $n"
    if "$mynah" search ferry --data full --json >out 2>err && grep -q '"id"' out; then ok "full disk: $n: search still answers"
    else not_ok "full disk: $n: search still answers" "no"; fi
}
disk() { # disk SIZE: a new, small one at full/
    [ -z "$mounted" ] || umount full
    mounted=
    [ "$(id -u)" = 0 ] && mount -t tmpfs -o size="$1" tmpfs full 2>/dev/null && mounted=$dir/full
}
if disk 8m; then
    space='(disk|space).*free (some|up)'
    for size in 8m 16m 40m; do
        disk $size
        "$mynah" import posts.jsonl --data full --consent train_generative=allow --json >out 2>err
        "$mynah" search ferry --data full >out 2>err
        full "$size, an import that does not fit" "$space" import many.jsonl
        run "$mynah" import posts.jsonl --data full --json
        [ $rc = 0 ] && ok "full disk: $size, importing again what is there" || not_ok "full disk: $size, importing again what is there" "exit $rc"
    done
    disk 8m
    "$mynah" import posts.jsonl --data full --consent train_generative=allow --json >out 2>err
    "$mynah" search ferry --data full >out 2>err
    head -c 100000000 /dev/zero >full/filler 2>/dev/null
    truncate -s -100000 full/filler
    full "corpus build" "$space" corpus build --name f
    full "an import without any room" "$space" import many.jsonl
    rm full/filler
    run "$mynah" corpus build --name f --data full --json
    [ $rc = 0 ] && ok "full disk: corpus build once there is space" || not_ok "full disk: corpus build once there is space" "exit $rc"
    full train "$space" train --corpus f --preset nano --steps 2 --batch 1 --name t
    umount full && mounted=
else
    skip "full disk" "needs root and the right to mount a small tmpfs"
fi

# ---- killed and stopped --------------------------------------------------------------------------------------------

"$mynah" import posts.jsonl --data killed --consent train_generative=allow --json >out 2>err
for after in 0.05 0.15 0.3 0.5; do
    timeout -s KILL $after "$mynah" import many.jsonl --data killed --json >out 2>err
    now=$(posts killed)
    if [ "$now" -lt 3000 ]; then not_ok "kill -9 after ${after} s of an import" "$now posts, 3000 were acknowledged"
    else ok "kill -9 after ${after} s of an import ($now posts)"; fi
done
run "$mynah" import many.jsonl --data killed --json
[ $rc = 0 ] && [ "$(field '["read"]')" = 100000 ] && [ "$(posts killed)" = 103000 ] && ok "kill -9: running again completes it" ||
    not_ok "kill -9: running again completes it" "exit $rc, $(posts killed) posts"
run timeout --foreground --preserve-status -s INT 0.2 "$mynah" import many.jsonl --data stopped --json
before_stop=$(posts stopped)
if [ $rc = 0 ]; then skip "Ctrl-C in an import" "it was done before"
else judge "Ctrl-C in an import" 1 "stopped.*again" && ok "Ctrl-C in an import ($before_stop posts)"; fi
run "$mynah" import many.jsonl --data stopped --json
[ $rc = 0 ] && [ "$(posts stopped)" = 100000 ] && ok "Ctrl-C in an import: running again completes it" ||
    not_ok "Ctrl-C in an import: running again completes it" "exit $rc, $(posts stopped) posts"
"$mynah" account consent --server train_generative=allow --data killed >out 2>err
watching killed
run timeout --foreground --preserve-status -s INT 0.5 "$mynah" corpus build --data killed --name k --json
if [ $rc = 0 ]; then skip "Ctrl-C in a corpus build" "it was done before"
else
    judge "Ctrl-C in a corpus build" 1 "stopped" && ok "Ctrl-C in a corpus build"
    nothing_changed "Ctrl-C in a corpus build"
fi
timeout -s KILL 0.5 "$mynah" corpus build --data killed --name k --json >out 2>err
run "$mynah" corpus list --data killed --json
[ $rc = 0 ] && ! grep -q '"k"' out && ok "kill -9 in a corpus build leaves no corpus" || not_ok "kill -9 in a corpus build leaves no corpus" "exit $rc"
run timeout --foreground --preserve-status -s INT 2 "$mynah" train --corpus c --preset nano --minutes 5 --batch 1 --name s --json
if [ $rc = 0 ] && [ "$(field '["finished"]')" = False ] && grep -q "go on with: mynah train --resume" err; then ok "Ctrl-C in a training"
else not_ok "Ctrl-C in a training" "exit $rc"; fi
"$mynah" train --resume --name s --minutes 5 --json >bg.out 2>bg.err &
trainer=$!
pids="$pids $trainer"
i=0
until grep -q step bg.out || [ $i -ge 100 ]; do i=$((i + 1)); sleep 0.1; done
refuse "a second trainer on the same model" 1 "(another|already|running)" train --resume --name s --steps 9999999 --json
kill -9 $trainer
wait $trainer 2>/dev/null
run timeout --foreground --preserve-status -s INT 3 "$mynah" train --resume --name s --minutes 5 --json
[ $rc = 0 ] && ok "kill -9 in a training: --resume goes on" || not_ok "kill -9 in a training: --resume goes on" "exit $rc"

# ---- the server ----------------------------------------------------------------------------------------------------

port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
"$mynah" serve --data copy --listen "127.0.0.1:$port" --no-sample --no-train >serve.log 2>&1 &
server=$!
pids="$pids $server"
i=0
until curl -fsS -o /dev/null "http://127.0.0.1:$port/healthz" 2>/dev/null || [ $i -ge 100 ]; do i=$((i + 1)); sleep 0.1; done
refuse "serve: a second server on the same data folder" 1 "another server.*copy'.*--data" serve --data copy --listen 127.0.0.1:0
refuse "serve: a busy port" 1 "127.0.0.1:$port.*--listen" serve --data other --listen "127.0.0.1:$port" --no-sample --no-train
python3 "$here/bad_http.py" "$port" "$server" >http.out 2>&1
http=$?
cat http.out
passed=$((passed + $(grep -c '^ok ' http.out)))
failed=$((failed + $(grep -c '^not ok ' http.out)))
[ $http = 0 ] || grep -q '^not ok ' http.out || not_ok "hostile requests" "bad_http.py ended with $http"
kill -TERM $server
wait $server
rc=$?
[ $rc = 0 ] && ok "serve: stops cleanly after all that" || not_ok "serve: stops cleanly after all that" "exit $rc"
pids=

judge_json
done=1
[ "$failed" = 0 ]
