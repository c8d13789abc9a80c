"""completion: the scripts that let a shell complete netlab's commands, options and names.

A script runs `netlab` itself with the command line up to the cursor in NETLAB_COMPLETE_LINE; `answer` prints what may
stand there, a line each. It prints nothing else and never fails: what a user types goes on either way.
"""

from __future__ import annotations

import os
import shlex
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

LINE = "NETLAB_COMPLETE_LINE"


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_BASH = """\
_netlab() {
    local typed="${COMP_LINE:0:COMP_POINT}" word
    word="${typed##* }"
    COMPREPLY=()
    local reply
    while IFS= read -r reply && [ -n "$reply" ]; do
        # Where a colon breaks words, as it does by default, bash replaces only what comes after it.
        case "$COMP_WORDBREAKS" in *:*) [[ "$word" != *:* ]] || reply="${reply#"${word%:*}:"}" ;; esac
        COMPREPLY+=("$reply")
    done < <(NETLAB_COMPLETE_LINE="$typed" command "$1" 2>/dev/null </dev/null)
    [[ ${#COMPREPLY[@]} -ne 1 || "${COMPREPLY[0]}" != *: ]] || compopt -o nospace
}
complete -o bashdefault -o default -F _netlab netlab
"""

_ZSH = """\
#compdef netlab
_netlab() {
    local -a replies
    replies=("${(@f)$(NETLAB_COMPLETE_LINE="${(j: :)words[1,CURRENT]}" command "${words[1]}" 2>/dev/null </dev/null)}")
    replies=("${(@)replies:#}")
    if (( ${#replies} )); then
        compadd -S '' -- "${(@M)replies:#*:}"
        compadd -- "${(@)replies:#*:}"
    else
        _files
    fi
}
if [ "${funcstack[1]}" = _netlab ]; then _netlab "$@"; else compdef _netlab netlab; fi
"""

_FISH = """\
function __netlab_complete
    set -lx NETLAB_COMPLETE_LINE (commandline --cut-at-cursor --current-process | string collect)
    set -l replies (command netlab 2>/dev/null </dev/null | string match --invert '')
    if test (count $replies) -gt 0
        printf '%s\\n' $replies
    else
        __fish_complete_path (commandline --current-token)
    end
end
complete --command netlab --no-files --arguments '(__netlab_complete)'
"""

_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(completion)


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
) -> None:
    """Print the script that completes commands, options, labs, nodes and interfaces.

    \b
    bash: netlab completion bash >~/.local/share/bash-completion/completions/netlab
    zsh:  netlab completion zsh >"${fpath[1]}/_netlab"
    fish: netlab completion fish >~/.config/fish/completions/netlab.fish

    To try it in the shell that you are in: source <(netlab completion bash)
    """
    typer.echo(_SCRIPTS[shell], nl=False)


def answer(app: typer.Typer) -> NoReturn:
    """Print what may stand at the end of the line in the environment, and leave."""
    words = split(os.environ.pop(LINE))
    os.environ |= {
        "_NETLAB_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()  # registers the shells
        app(prog_name="netlab")
    finally:
        os._exit(0)


def split(line: str) -> list[str]:
    """The words of a command line, the last one unfinished and perhaps empty, as a shell reads them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words += lexer
    except ValueError:  # a quote that is not closed yet
        return [*words, lexer.token]
    return words if words and not line[-1].isspace() else [*words, ""]
