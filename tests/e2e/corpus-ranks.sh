#!/bin/sh
# Corpora built by several ranks, with the real program under Open MPI's mpirun, on this machine: the bytes of one process, a rank that
# is killed or asked to stop, ranks that see different stores.
#
#   tests/e2e/corpus-ranks.sh PROGRAM [COUNTS]    prints "ok NAME", "not ok NAME" and "skipped NAME: reason"; adds
#                                                 "passed failed skipped" to the file COUNTS; exit 0 when nothing failed
smollm2=${MYNAH_SMOLLM2:-$(cd "$(dirname "$0")/../.." && pwd)/build/models/smollm2.gguf}
unless_mpi="corpora of several ranks"
tidy() { :; }
# shellcheck source=tests/e2e/mpi.sh
. "$(dirname "$0")/mpi.sh"

# ---- posts ---------------------------------------------------------------------------------------------------------
# Few words, so that there are copies, near copies and templates; one in six answers the one before.

posts() { # posts SEED FROM TO
    awk -v seed="$1" -v from="$2" -v to="$3" 'BEGIN {
        srand(seed)
        split("the mynah,a sparrow,my neighbour,the old cat,our poet,someone@example.org", who, ",")
        split("sings to,listens to,argues with,forgets,follows,writes to", does, ",")
        split("every morning,at night,in the rain,without a word,again,https://example.org/a", when, ",")
        for (i = from; i < to; i++)
            printf "{\"id\":\"%d\",\"created_at\":\"20%02d-%02d-%02dT10:00:00Z\",\"author\":\"a%d\",%s\"text\":\"%s %s %s %s%s\"}\n", i,
                10 + i % 14, i % 12 + 1, i % 28 + 1, rand() * 60, i % 6 ? "" : sprintf("\"reply_to\":\"%d\",", i - 1),
                who[int(rand() * 6) + 1], does[int(rand() * 6) + 1], who[int(rand() * 6) + 1], when[int(rand() * 6) + 1],
                rand() < 0.4 ? "" : sprintf(", and %d other things", rand() * 100000)
    }'
}
import() { # import DATA SEED FROM TO
    posts "$2" "$3" "$4" >posts.jsonl
    "$mynah" import posts.jsonl --consent train_generative=allow --data "$1" >out 2>err || { not_ok "posts" "could not be brought in"; end; }
}
import data 1 1 30000
import other 2 1 30000

# Each rank leaves its process id in pid.RANK.
cat >rank.sh <<'SH'
echo $$ >"pid.$OMPI_COMM_WORLD_RANK"
exec "$@"
SH
build() { # build N NAME OPTION...: the exit code is mpirun's
    n=$1 name=$2
    shift 2
    rm -f pid.*
    timeout 120 mpirun -n "$n" sh rank.sh "$mynah" corpus build --name "$name" "$@" >out 2>err </dev/null
}
# same CASE N NAME OPTION...: N ranks build what one process has built as NAME
same() {
    case=$1 n=$2 name=$3
    shift 3
    mv "data/corpus/$name" one
    build "$n" "$name" "$@" || not_ok "$case" "exit $?"
    if diff -r one "data/corpus/$name" >"differs" 2>&1; then ok "$case"
    else not_ok "$case" "$(head -n 3 differs)"; fi
    rm -rf "data/corpus/$name"
    mv one "data/corpus/$name"
}
alone() { # alone NAME OPTION...
    name=$1
    shift
    "$mynah" corpus build --name "$name" "$@" >out 2>err || { not_ok "one process builds" "exit $?"; end; }
}

# ---- the bytes of one process --------------------------------------------------------------------------------------

alone c --threads 2
for n in 1 2 4; do same "$n ranks write the folder of one process" $n c --threads 1; done
same "threads of ranks make no difference" 2 c --threads 3
export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo
same "two ranks over TCP write the folder of one process" 2 c --threads 1
export OMPI_MCA_btl=self,vader

if build 3 again --json && [ "$(wc -l <out)" = 1 ] && grep -q '"name":"again"' out; then ok "one rank says what was built"
else not_ok "one rank says what was built" "$(wc -l <out) lines"; fi

alone whole --canaries 7 --keep-handles --vocab 700 --val-share 0.1
same "with every option it is that folder too" 3 whole --canaries 7 --keep-handles --vocab 700 --val-share 0.1

import data 3 30000 45000
alone new --after c --replay 0.3
same "what goes on from another corpus is that folder too" 2 new --after c --replay 0.3
if "$mynah" corpus verify new >out 2>err; then ok "what ranks have built verifies"; else not_ok "what ranks have built verifies" "exit $?"; fi
alone kept --tokenizer c
same "with a vocabulary that is there it is that folder too" 4 kept --tokenizer c

# What another machine would have.
mkdir copy && cp data/mynah.db* data/mynah.conf copy
if timeout 120 mpirun -n 1 "$mynah" corpus build --threads 1 : -n 2 "$mynah" corpus build --threads 1 --data copy >out 2>err </dev/null &&
    [ "$(sed -n 's/^sha256 //p' out)" = "$("$mynah" corpus build 2>/dev/null | sed -n 's/^sha256 //p')" ] &&
    [ ! -e copy/corpus ]; then ok "a copy of the store does for the others, and nothing is written there"
else not_ok "a copy of the store does for the others, and nothing is written there" "exit $?"; fi

foreign="in an open model's vocabulary it is that folder too"
if [ -f "$smollm2" ]; then
    alone open --tokenizer "$smollm2"
    same "$foreign" 3 open --tokenizer "$smollm2"
else
    skipped=$((skipped + 1))
    echo "skipped $foreign: no SmolLM2 at \$MYNAH_SMOLLM2 or in build/models (tools/get-smollm2.sh)"
fi

# ---- a rank that ends in the middle --------------------------------------------------------------------------------

import data 4 45000 190000
there() { # a process that is there, and not only waits for its parent to notice that it ended
    state=$(sed -n 's/^State:[^A-Z]*//p' "/proc/$1/status" 2>/dev/null)
    case $state in '' | Z*) false ;; esac
}
begun() { # until rank 0 has begun; what another build has left there is older
    touch mark
    for _ in $(seq 1000); do
        [ -z "$(find data/corpus/.building -name spool -size +0 -newer mark 2>/dev/null)" ] || return 0
        sleep 0.02
    done
    false
}
gone() { # gone PID: within ten seconds
    for _ in $(seq 100); do
        there "$1" || return 0
        sleep 0.1
    done
    false
}
left() { # what an unfinished build has left
    find data/corpus -mindepth 1 -maxdepth 1 \( -name .building -o -name "$1" \)
}
build 3 killed --threads 1 &
mpi=$!
if begun; then kill -9 "$(cat pid.2)"; fi
if wait $mpi; then not_ok "a rank that is killed ends the build" "exit 0"
elif ! grep -q "rank 2 of 3 (process [0-9]*) has ended in the middle of the run.*nothing of the new corpus" err &&
    ! grep -q "process rank 2 .*exited on signal 9" err; then not_ok "a rank that is killed ends the build" "nobody says which"
elif [ "$(grep -c '^mynah' err)" -gt 1 ]; then not_ok "a rank that is killed ends the build" "$(grep -c '^mynah' err) lines, not 1"
else ok "a rank that is killed ends the build, and it is told which"; fi
if gone "$(cat pid.0)" && gone "$(cat pid.1)"; then ok "the other ranks end too"; else not_ok "the other ranks end too" "one is there"; fi
if [ -z "$(left killed)" ]; then ok "nothing is left of what a killed rank was building"
else not_ok "nothing is left of what a killed rank was building" "$(left killed)"; fi

build 2 first --threads 1 &
mpi=$!
if begun; then kill -9 "$(cat pid.0)"; fi
if wait $mpi; then not_ok "rank 0 that is killed ends the build" "exit 0"; else ok "rank 0 that is killed ends the build"; fi
if gone "$(cat pid.1)" && [ ! -e data/corpus/first ] && ! "$mynah" corpus list 2>&1 | grep -q building; then ok "its corpus is not there"
else not_ok "its corpus is not there" "$(left first)"; fi

build 2 stopped --threads 1 &
mpi=$!
if begun; then kill -TERM "$(cat pid.1)"; fi # not the one that leads
if wait $mpi; then not_ok "a rank that is asked to stop stops all" "exit 0"
elif ! grep -q "^mynah.*stopped on request; nothing of the new corpus was kept" err; then not_ok "a rank that is asked to stop stops all" "says '$(grep '^mynah' err)'"
elif [ -n "$(left stopped)" ]; then not_ok "a rank that is asked to stop stops all" "$(left stopped)"
else ok "a rank that is asked to stop stops all, and nothing is left"; fi

alone after-all
same "afterwards a build is what it always was" 2 after-all --threads 1

# ---- ranks that were given different things ------------------------------------------------------------------------

differ() { # differ CASE PATTERN OPTIONS-OF-RANK-1...
    case=$1 pattern=$2
    shift 2
    timeout 60 mpirun -n 1 "$mynah" corpus build --name differ : -n 1 "$mynah" corpus build --name differ "$@" >out 2>err </dev/null
    rc=$?
    if [ $rc = 0 ] || [ $rc = 124 ]; then not_ok "$case" "exit $rc"
    elif [ "$(grep -c '^mynah' err)" != 1 ]; then not_ok "$case" "$(grep -c '^mynah' err) lines, not 1"
    elif ! grep '^mynah' err | grep -qE "$pattern"; then not_ok "$case" "says '$(grep '^mynah' err)', not /$pattern/"
    elif [ -n "$(left differ)" ] || [ -e nowhere ]; then not_ok "$case" "it leaves '$(left differ)'"
    else ok "$case"; fi
}
differ "another store is told" "rank 1 has another store than rank 0 \([0-9]* posts, revision" --data other
differ "another option is told" "rank 1 has another command than rank 0 .*held out 0.1" --val-share 0.1
differ "a data folder that is missing is told" "rank 1 on '.*': there is no data folder 'nowhere' here" --data nowhere

end
