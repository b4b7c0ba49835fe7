#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes the bash completion from the programs' own option tables: completion.sh PROGRAM… >FILE
set -eu
options=$(for program in "$@"; do "$program" --dump-options; done)
commands=$(echo "$options" | cut -f 1 | sort -u | tr '\n' ' ')
cat <<EOF
# bash completion for cpulift, generated from its option tables
_cpulift()
{
    local word=\${COMP_WORDS[COMP_CWORD]} options=
    if [ "\$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands--help --version" -- "\$word")
        return
    fi
    case \${COMP_WORDS[1]} in
EOF
for command in $commands; do
    words=$(echo "$options" | awk -F '\t' -v c="$command" '$1 == c { printf "%s ", $2 }')
    printf '    %s) options="%s" ;;\n' "$command" "$words"
done
cat <<'EOF'
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _cpulift cpulift
EOF
