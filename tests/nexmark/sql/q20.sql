SELECT json_object('auction', b.auction, 'bidder', b.bidder, 'price', b.price,
  'channel', b.channel, 'url', b.url, 'bid_dateTime', b.dateTime, 'bid_extra', b.extra,
  'itemName', a.itemName, 'description', a.description, 'initialBid', a.initialBid,
  'reserve', a.reserve, 'auction_dateTime', a.dateTime, 'expires', a.expires, 'seller', a.seller,
  'category', a.category, 'auction_extra', a.extra)
FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10;
