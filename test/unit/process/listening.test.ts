import { expect, it } from 'vitest';
import { parseSockets } from '../../../src/process/listening.ts';

it('finds the listening ports among all sockets, of both kinds of address', () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:4E21 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:4E33 00000000000000000000000000000000:0000 0A 00000000:00000000
`;
  expect(parseSockets(text)).toEqual([20_000, 20_019]);
  expect(parseSockets('')).toEqual([]);
});
