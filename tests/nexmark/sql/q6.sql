SELECT json_object('seller', seller, 'avg_price', sum(price) / count(*))
FROM (SELECT seller, price,
        row_number() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) AS place FROM winning)
WHERE place <= 10 GROUP BY seller;
