#!/bin/sh
# Training on several ranks, with the real program under Open MPI's mpirun, on this machine: the bits of one rank, a rank that
# is killed, ranks that were given different things.
#
#   tests/e2e/ranks.sh PROGRAM [COUNTS]    prints "ok NAME", "not ok NAME" and "skipped NAME: reason"; adds
#                                          "passed failed skipped" to the file COUNTS; exit 0 when nothing failed
unless_mpi="training on several ranks"
tidy() {
    for x in "${a:-}" "${b:-}"; do [ -z "$x" ] || ip netns del "$x" 2>/dev/null; done
}
# shellcheck source=tests/e2e/mpi.sh
. "$(dirname "$0")/mpi.sh"

# ---- two corpora of one name, one of another -----------------------------------------------------------------------

posts() { # posts SEED N
    awk -v seed="$1" -v n="$2" 'BEGIN {
        srand(seed)
        split("the mynah,a sparrow,my neighbour,the old cat,our poet", who, ",")
        split("sings to,listens to,argues with,forgets,follows", does, ",")
        split("every morning,at night,in the rain,without a word", when, ",")
        for (i = 1; i <= n; i++)
            printf "{\"id\":\"%d\",\"created_at\":\"2024-03-%02dT10:00:00Z\",\"text\":\"%s %s %s %s, %d times.\"}\n", i,
                i % 28 + 1, who[int(rand() * 5) + 1], does[int(rand() * 5) + 1], who[int(rand() * 5) + 1],
                when[int(rand() * 4) + 1], rand() * 1000
    }'
}
community() { # community DATA SEED
    posts "$2" 800 >posts.jsonl
    "$mynah" import posts.jsonl --consent train_generative=allow --data "$1" >out 2>err &&
        "$mynah" corpus build --name c --data "$1" >out 2>err || { not_ok "a corpus" "could not be built"; end; }
}
community data 1
community other 2

# Each rank leaves its process id in pid.RANK.
cat >rank.sh <<'SH'
echo $$ >"pid.$OMPI_COMM_WORLD_RANK"
exec "$@"
SH
train() { # train NAME N OPTION...: the exit code is mpirun's
    name=$1 n=$2
    shift 2
    rm -f pid.*
    timeout 120 mpirun -n "$n" sh rank.sh "$mynah" train --corpus c --preset nano --threads 1 --batch 4 --micro 1 --name "$name" \
        "$@" >out 2>err </dev/null
}
alone() { # alone NAME OPTION...
    name=$1
    shift
    "$mynah" train --corpus c --preset nano --threads 2 --batch 4 --micro 1 --name "$name" "$@" >out 2>err </dev/null
}
same() { # same CASE NAME NAME: both models have the same weights
    if cmp -s "data/models/$2/model.safetensors" "data/models/$3/model.safetensors"; then ok "$1"
    else not_ok "$1" "the weights differ"; fi
}

# ---- the bits of one rank ------------------------------------------------------------------------------------------

alone one --steps 9 || { not_ok "one rank trains" "exit $?"; end; }
for n in 2 3 4; do
    train "by$n" $n --steps 9 || not_ok "$n ranks train" "exit $?"
    same "$n ranks end in the bytes of one" one "by$n"
done
export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo
train tcp 2 --steps 9 || not_ok "two ranks train over TCP" "exit $?"
same "two ranks over TCP end in the bytes of one" one tcp
export OMPI_MCA_btl=self,vader
train idle 5 --steps 9 || not_ok "five ranks train" "exit $?"
same "a rank without work changes nothing" one idle
if grep -q "1 ranks have nothing to compute" err; then ok "a rank without work is told of"
else not_ok "a rank without work is told of" "it is not"; fi

for o in adamw muon; do
    alone one-$o --steps 9 --optim $o || not_ok "one rank trains by $o" "exit $?"
    train two-$o 2 --steps 9 --optim $o || not_ok "two ranks train by $o" "exit $?"
    same "two ranks by $o end in the bytes of one" one-$o two-$o
done
if cmp -s data/models/one-adamw/model.safetensors data/models/one-muon/model.safetensors; then
    not_ok "the optimiser makes a difference" "the weights are the same"
else ok "the optimiser makes a difference"; fi

# ---- kill and resume -----------------------------------------------------------------------------------------------

steps=60
checkpoint_there() { # a checkpoint past the first
    find "data/models/$1/checkpoints" -name 'step-*.mnc' ! -name 'step-0000000000.mnc' 2>/dev/null | grep -q .
}
alone whole --steps $steps || not_ok "one rank trains longer" "exit $?"
train killed 2 --steps $steps &
mpi=$!
for _ in $(seq 600); do
    checkpoint_there killed && break
    sleep 0.05
done
kill -9 "$(cat pid.1)"
if wait $mpi; then not_ok "a rank that is killed ends the run" "exit 0"
elif ! grep -q "rank 1 of 2 (process [0-9]*) has ended in the middle of the run.*--resume" err &&
    ! grep -q "process rank 1 .*exited on signal 9" err; then not_ok "a rank that is killed ends the run" "nobody says which"
else ok "a rank that is killed ends the run, and it is told which"; fi
there() { # a process that is there, and not only waits for its parent to notice that it ended
    state=$(sed -n 's/^State:[^A-Z]*//p' "/proc/$1/status" 2>/dev/null)
    case $state in '' | Z*) false ;; esac
}
for _ in $(seq 100); do
    there "$(cat pid.0)" || break
    sleep 0.1
done
if there "$(cat pid.0)"; then not_ok "the other rank ends too" "it is there"; else ok "the other rank ends too"; fi
train killed 4 --resume || not_ok "resuming on four ranks" "exit $?"
same "killed on two ranks and resumed on four: the bytes of one that was not" whole killed

train stopped 2 --steps $steps &
mpi=$!
for _ in $(seq 600); do
    checkpoint_there stopped && break
    sleep 0.05
done
kill -TERM "$(cat pid.1)" # not the one that leads
if wait $mpi && grep -q "stopped after step" err; then ok "a rank that is asked to stop stops all, and saves"
else not_ok "a rank that is asked to stop stops all, and saves" "exit $?"; fi
"$mynah" train --name stopped --resume --threads 2 >out 2>err || not_ok "resuming alone" "exit $?"
same "stopped on two ranks and resumed alone: the bytes of one that was not" whole stopped

# ---- ranks that were given different things ------------------------------------------------------------------------

differ() { # differ CASE PATTERN OPTIONS-OF-RANK-1...
    case=$1 pattern=$2
    shift 2
    rm -f pid.*
    timeout 60 mpirun -n 1 "$mynah" train --corpus c --preset nano --steps 5 --name differ : \
        -n 1 "$mynah" train --preset nano --steps 5 --name differ "$@" >out 2>err </dev/null
    rc=$?
    if [ $rc = 0 ] || [ $rc = 124 ]; then not_ok "$case" "exit $rc"
    elif [ "$(grep -c '^mynah' err)" != 1 ]; then not_ok "$case" "$(grep -c '^mynah' err) lines, not 1"
    elif ! grep '^mynah' err | grep -qE "$pattern"; then not_ok "$case" "says '$(grep '^mynah' err)', not /$pattern/"
    elif [ -e data/models/differ ]; then not_ok "$case" "it leaves a model behind"
    else ok "$case"; fi
}
differ "another corpus of the same name is told" "rank 1 has another corpus than rank 0 \('c' of hash [0-9a-f]*, not 'c' of hash" \
    --corpus c --data other
differ "another seed is told" "rank 1 has another seed than rank 0 \(7, not 1\)" --corpus c --seed 7
differ "a corpus that is missing is told" "rank 1 on '.*': no corpus in '.*/nowhere'" --corpus nowhere

# ---- two machines --------------------------------------------------------------------------------------------------
# Two network namespaces with host names of their own stand for them: what is between them is a wire of 1 Gbit/s, and each has its
# own part of Open MPI, which begins on the second by ssh's stand-in.

name="two machines and a wire of 1 Gbit/s between them end in the bytes of one"
a=mnr$$a b=mnr$$b
wire() {
    ip netns add $a && ip netns add $b && ip link add $a type veth peer name $b &&
        ip link set $a netns $a && ip link set $b netns $b || return 1
    n=1
    for x in $a $b; do
        ip -n $x addr add 10.213.77.$n/24 dev $x && ip -n $x link set $x up && ip -n $x link set lo up &&
            ip netns exec $x tc qdisc add dev $x root tbf rate 1gbit burst 256kb latency 50ms || return 1
        n=2
    done
}
cat >ssh.sh <<SH
#!/bin/sh
shift
mkdir -p "$dir/t"
TMPDIR="$dir/t" exec ip netns exec $b unshare -u sh -c "hostname second; \$*"
SH
chmod +x ssh.sh
if [ "$(id -u)" != 0 ] || ! command -v ip >/dev/null || ! command -v tc >/dev/null || ! wire >out 2>err; then
    skipped=$((skipped + 1))
    echo "skipped $name: needs root, iproute2 and a system that lets it make network namespaces"
else
    timeout 120 ip netns exec $a mpirun -n 2 -H 10.213.77.1:1,10.213.77.2:1 --mca plm_rsh_agent "$dir/ssh.sh" \
        --mca oob_tcp_if_include 10.213.77.0/24 --mca btl self,tcp --mca btl_tcp_if_include 10.213.77.0/24 -x MYNAH_DATA \
        "$mynah" train --corpus c --preset nano --threads 1 --batch 4 --micro 1 --name wire --steps 9 >out 2>err </dev/null ||
        not_ok "$name" "exit $?"
    same "$name" one wire
    sent=$(ip netns exec $a tc -s qdisc show dev $a | sed -n 's/^ Sent \([0-9]*\) bytes.*/\1/p')
    if [ "${sent:-0}" -gt 10000000 ]; then ok "what they tell each other goes over the wire"
    else not_ok "what they tell each other goes over the wire" "$sent bytes did"; fi
fi

end
