/** What a scripted model calls. */

/** Writes a file below the model's worktree. */
export const write = (file: string, content: string) => ({
  name: 'Write',
  input: { file_path: `{{cwd}}/${file}`, content },
});

export const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'as told' } });

export const complete = (summary: string) => ({ name: 'mcp__swarm__complete_task', input: { summary } });

/** One answer that calls them. */
export const call = <Tool>(...tools: Tool[]) => ({ tools });
