WITH b AS (
  SELECT *, price * 908 / 1000.0 AS euro,
    CAST(strftime('%H', dateTime / 1000, 'unixepoch') AS INTEGER) AS hour FROM bid)
SELECT json_object('auction', auction, 'bidder', bidder, 'price', euro, 'bidTimeType',
  CASE WHEN hour BETWEEN 8 AND 18 THEN 'dayTime' WHEN hour <= 6 OR hour >= 20 THEN 'nightTime'
    ELSE 'otherTime' END,
  'dateTime', dateTime, 'extra', extra, 'c_counts', length(extra) - length(replace(extra, 'c', '')))
FROM b WHERE euro > 1000000 AND euro < 50000000;
