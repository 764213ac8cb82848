import { get } from '../contract/route.ts';

export const alertRoutes = {
  list: get('/v1/alerts', 'what is wrong now'),
};
