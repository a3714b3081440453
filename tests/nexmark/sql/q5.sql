WITH RECURSIVE hop (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM hop WHERE k < 4),
counts AS (
  SELECT auction, dateTime / 2000 * 2000 - k * 2000 AS start, count(*) AS num
  FROM bid, hop GROUP BY 1, 2)
SELECT json_object('auction', auction, 'num', num, 'starttime', start, 'endtime', start + 10000)
FROM (SELECT *, max(num) OVER (PARTITION BY start) AS most FROM counts)
WHERE num = most;
