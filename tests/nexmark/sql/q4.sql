SELECT json_object('id', category, 'final', sum(price) / count(*)) FROM winning GROUP BY category;
