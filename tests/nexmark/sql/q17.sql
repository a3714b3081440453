SELECT json_object('auction', auction, 'day', strftime('%Y-%m-%d', dateTime / 1000, 'unixepoch'),
  'total_bids', count(*),
  'rank1_bids', count(*) FILTER (WHERE price < 10000),
  'rank2_bids', count(*) FILTER (WHERE price >= 10000 AND price < 1000000),
  'rank3_bids', count(*) FILTER (WHERE price >= 1000000),
  'min_price', min(price), 'max_price', max(price), 'avg_price', sum(price) / count(*),
  'sum_price', sum(price))
FROM bid GROUP BY auction, dateTime / 86400000;
