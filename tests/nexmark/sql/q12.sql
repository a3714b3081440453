SELECT json_object('bidder', bidder, 'bid_count', count(*), 'starttime', appended / 10000 * 10000,
  'endtime', appended / 10000 * 10000 + 10000)
FROM bid GROUP BY bidder, appended / 10000;
