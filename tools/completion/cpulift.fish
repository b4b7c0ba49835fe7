# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for cpulift: the program says what may come next (src/cli/complete.h).
function __cpulift_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l word (string replace -r '^--[^=]*=' '' -- $words[-1])
    set -l before (string match -r '^--[^=]*=' -- $words[-1])
    for line in ($words[1] --complete $words[2..-1] 2>/dev/null)
        switch $line
            case ':folders'
                string replace -r '^' "$before" -- (__fish_complete_directories $word '')
            case ':files'
                string replace -r '^' "$before" -- (__fish_complete_path $word)
            case ':files *'
                set -l extensions (string join '|' -- (string split ' ' -- $line)[2..-1])
                __fish_complete_path $word | string match -re "^[^\t]*(/|\.($extensions))(\t|\$)" |
                    string replace -r '^' "$before"
            case '*'
                echo $line
        end
    end
end
complete -c cpulift -f -a '(__cpulift_complete)'
