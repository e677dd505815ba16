#!/bin/sh
# Writes docs/man/mynah.5 from the table of settings (src/social/settings.c), by way of the file that the program itself
# writes on first use: tools/gen-conf-man.sh PROGRAM
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" account list --data "$dir/data" >/dev/null
cat <<'HEAD'
.Dd November 21, 2026
.Dt MYNAH 5
.Os
.Sh NAME
.Nm mynah.conf
.Nd settings of a Mynah data folder
.Sh DESCRIPTION
One
.Li key = value
a line; # begins a comment; a value may stand in double quotes.
The file is written with every key at its default when the data folder is made.
A key that is not known is an error that names the line.
.Sh KEYS
.Bl -tag -width Ds
HEAD
awk '
    /^# ?[a-z_]+ =( |$)/ || /^[a-z_]+ =( |$)/ {
        line = $0; sub(/^# ?/, "", line); key = line; sub(/ =.*/, "", key)
        value = line; sub(/^[a-z_]+ = ?/, "", value)
        printf ".It Ic %s\n%s", key, text
        if (value == "") print "Nothing by default."; else printf "The default is\n.Li %s .\n", value
        text = ""; next
    }
    # A sentence begins its own line, as mdoc wants it.
    /^#/ { line = $0; sub(/^# ?/, "", line); gsub(/[.] /, ".\n", line); text = text line "\n"; next }
    /^$/ { text = "" }' "$dir/data/mynah.conf"
cat <<'TAIL'
.El
.Sh SEE ALSO
.Xr mynah 1
TAIL
