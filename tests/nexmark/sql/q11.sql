WITH begun AS (
  SELECT bidder, dateTime, seq, coalesce(dateTime - lag(dateTime) OVER one > 10000, 1) AS first
  FROM bid WINDOW one AS (PARTITION BY bidder ORDER BY dateTime, seq)),
numbered AS (
  SELECT bidder, dateTime, sum(first) OVER (PARTITION BY bidder ORDER BY dateTime, seq) AS session
  FROM begun)
SELECT json_object('bidder', bidder, 'bid_count', count(*), 'starttime', min(dateTime),
  'endtime', max(dateTime) + 10000)
FROM numbered GROUP BY bidder, session;
