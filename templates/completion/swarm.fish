# Completion of swarm for fish. For this shell:    swarm completion fish | source
# For every new one: swarm completion fish > ~/.config/fish/completions/swarm.fish
function __swarm_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] __complete fish -- $words[2..-1] "$current" 2>/dev/null </dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :directories
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c swarm -f -k -a '(__swarm_complete)'
