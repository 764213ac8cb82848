/** Variable that names the directory of the run of a suite, in which tests put what they keep. */
export const RUN_DIRECTORY = 'SWARM_TEST_RUN';

/** Where directories of tests begin. Short, because the path of a Unix socket ends at about 100 bytes. */
export const runDirectory = (): string => process.env[RUN_DIRECTORY] ?? '/tmp';
