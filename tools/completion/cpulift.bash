# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# bash completion for cpulift: the program says what may come next (src/cli/complete.h).
_cpulift()
{
    # bash has split at every '=': "--virt=kv" is three words of COMP_WORDS and one of ours.
    local -a words=()
    local i word line extension
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#words[@]} -gt 0 && ($word == '=' || ${COMP_WORDS[i - 1]} == '=') && ${words[-1]} == --* ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    word=${words[-1]}
    COMPREPLY=()
    compopt +o filenames
    while IFS= read -r line; do
        case $line in
        :folders)
            compopt -o filenames
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "${word#--*=}")
            ;;
        :files)
            compopt -o filenames
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${word#--*=}")
            ;;
        :files\ *)
            compopt -o filenames
            for extension in ${line#:files }; do
                mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -X "!*.$extension" -- "${word#--*=}")
            done
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "${word#--*=}")
            ;;
        --*=*) COMPREPLY+=("${line#--*=}") ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" --complete "${words[@]}" 2>/dev/null)
}
complete -F _cpulift cpulift
