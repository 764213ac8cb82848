/** Variable that names the directory of a suite's run, in which tests keep their files. */
export const RUN_DIRECTORY = 'SWARM_TEST_RUN';

/** Directory in which tests make theirs. Short, because the path of a Unix socket ends at about 100 bytes. */
export const runDirectory = (): string => process.env[RUN_DIRECTORY] ?? '/tmp';
