/** Options of esbuild for a program of swarm: bundled CommonJS packages expect `require`, which an ES module has not. */
export const BUNDLED_PROGRAM = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} as const;
