-- `channel_id=` counts at the beginning or behind a `&`; sqlite has no patterns that take a part out.
WITH b AS (
  SELECT *, CASE WHEN url LIKE 'channel_id=%' THEN substr(url, 12)
    WHEN instr(url, '&channel_id=') > 0 THEN substr(url, instr(url, '&channel_id=') + 12) END AS tail
  FROM bid),
c AS (
  SELECT *, CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2'
      WHEN 'baidu' THEN '3'
    ELSE CASE WHEN instr(tail, '&') > 0 THEN substr(tail, 1, instr(tail, '&') - 1) ELSE tail END
    END AS channel_id FROM b)
SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'channel', channel,
  'channel_id', channel_id)
FROM c WHERE channel_id IS NOT NULL;
