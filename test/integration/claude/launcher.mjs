// Becomes the program that the JSON file names: { argv, env, cwd }. Keeps prompts and tokens out of tmux's command line.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const { argv, env, cwd } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
process.chdir(cwd);
const program = env.PATH.split(':')
  .map((folder) => path.join(folder, argv[0]))
  .find((file) => {
    try {
      return readFileSync(file, { flag: 'r' }).length >= 0;
    } catch {
      return false;
    }
  });
process.execve(program, argv, env);
