SELECT json_object('auction', auction, 'bidder', bidder, 'price', price * 908 / 1000.0,
  'dateTime', dateTime, 'extra', extra) FROM bid;
