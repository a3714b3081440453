SELECT json_object('auction', auction, 'bidder', bidder, 'price', price, 'dateTime', dateTime,
  'extra', extra, 'dt', strftime('%Y-%m-%d', dateTime / 1000, 'unixepoch'),
  'hm', strftime('%H:%M', dateTime / 1000, 'unixepoch')) FROM bid;
