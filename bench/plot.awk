# plot.awk - draws the table of part scale (bench-results/scale.txt) as an SVG: two panels over the same logarithmic
# axis, rate to that of an empty daemon, and the daemon's processor time for each connection.
#
#     awk -f bench/plot.awk scale.txt >scale.svg

function x_of(count)
{
	# 0 has a place of its own, left of 1.
	return left + (count < 1 ? 0 : 0.8 + log(count) / log(10)) / 6.2 * width
}

function y_of(value, most)
{
	return top + height - value / most * height
}

function text(x, y, anchor, what, extra)
{
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, extra, what
}

function line(x1, y1, x2, y2, class)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class
}

function mark(x, y, class, kind)
{
	if (class == "together")
		printf "<path d=\"M%.1f %.1fl6 6l-6 6l-6 -6z\" class=\"mark %s %s\"/>\n", x, y - 6, class, kind
	else
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"mark %s %s\"/>\n", x, y, class, kind
}

# A round number that is not smaller.
function above(value,   unit)
{
	for (unit = 1; unit * 10 <= value; unit *= 10)
		;
	return value <= unit ? unit : value <= 2 * unit ? 2 * unit : value <= 5 * unit ? 5 * unit : 10 * unit
}

function axes(title, most, step, format,   count, value)
{
	text(left, top - 14, "start", title, " class=\"title\"")
	for (value = 0; value <= most * 1.0001; value += step) {
		line(left, y_of(value, most), left + width, y_of(value, most), "grid")
		text(left - 8, y_of(value, most) + 4, "end", sprintf(format, value), "")
	}
	for (count = 0; count <= 100000; count = count ? count * 10 : 1) {
		line(x_of(count), top + height, x_of(count), top + height + 5, "axis")
		text(x_of(count), top + height + 19, "middle", count >= 1000 ? count / 1000 "k" : count, "")
	}
	line(left, top + height, left + width, top + height, "axis")
	text(left + width / 2, top + height + 38, "middle", "how many (sessions, listeners, rules), logarithmic", "")
}

# field: 5 is the ratio, 6 the processor time.
function panel(field, most,   series, points, i, kind, axis, parts)
{
	for (series in seen) {
		split(series, parts, SUBSEP)
		axis = parts[1]
		kind = parts[2]
		points = ""
		for (i = 1; i <= rows; i++)
			if (name[i] == axis && sort[i] == kind)
				points = points sprintf("%.1f,%.1f ", x_of(count_of[i]), y_of(data[i, field], most))
		if (axis != "together")
			printf "<polyline points=\"%s\" class=\"%s %s\"/>\n", points, axis, kind
	}
	for (i = 1; i <= rows; i++)
		mark(x_of(count_of[i]), y_of(data[i, field], most), name[i], sort[i])
}

function legend(x, y, axis, what)
{
	printf "<g>"
	if (axis != "together")
		line(x, y, x + 26, y, axis)
	mark(x + 13, y, axis, "cold")
	text(x + 34, y + 4, "start", what, "")
	print "</g>"
}

/^# together:/ { together = substr($0, 13) }
/^#/ || NF < 8 { next }

{
	rows++
	name[rows] = $1
	count_of[rows] = $2
	sort[rows] = $3
	data[rows, 5] = $5
	data[rows, 6] = $6
	seen[$1, $3] = 1
	if ($3 == "warm") warm = 1
	if ($5 > most_ratio) most_ratio = $5
	if ($6 > most_cpu) most_cpu = $6
}

END {
	height = 260
	width = 370
	top = 60
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 920 480\" width=\"920\" height=\"480\">"
	print "<title>usherd: what more of everything costs a connection</title>"
	print "<style>"
	print "svg { font: 12px sans-serif; --ink: #222; --grid: #ddd; --paper: #fff; --a: #1f66c7; --b: #b85c00; --c: #1d7d3f; --d: #8a2fa8 }"
	print "@media (prefers-color-scheme: dark) { svg { --ink: #e4e4e4; --grid: #444; --paper: #1b1b1b; --a: #74aef5; --b: #f2a65a; --c: #6cc98a; --d: #d08be6 } }"
	print ".paper { fill: var(--paper) } text { fill: var(--ink) } .title { font-size: 14px; font-weight: bold }"
	print ".axis { stroke: var(--ink) } .grid { stroke: var(--grid) } polyline { fill: none; stroke-width: 2 }"
	print ".sessions { stroke: var(--a); fill: var(--a) } .listeners { stroke: var(--b); fill: var(--b) }"
	print ".rules { stroke: var(--c); fill: var(--c) } .together { stroke: var(--d); fill: var(--d) }"
	print "polyline.sessions, polyline.listeners, polyline.rules { fill: none } polyline.warm { stroke-dasharray: 5 4 }"
	print ".mark.warm { fill: var(--paper); stroke-width: 1.5 }"
	print "</style>"
	print "<rect class=\"paper\" width=\"920\" height=\"480\"/>"
	left = 60
	most_ratio = most_ratio > 1.25 ? int(most_ratio * 2 + 1) / 2 : 1.25
	axes("Connections a second, to an empty daemon", most_ratio, most_ratio / 5, "%.2f")
	panel(5, most_ratio)
	left = 520
	most_cpu = above(most_cpu)
	axes("Daemon's processor time a connection, us", most_cpu, most_cpu / 5, most_cpu < 5 ? "%.1f" : "%.0f")
	panel(6, most_cpu)
	legend(60, 402, "sessions", "live sessions")
	legend(200, 402, "listeners", "listeners")
	legend(320, 402, "rules", "rules")
	legend(410, 402, "together", "all together" (together != "" ? ": " together : ""))
	text(60, 432, "start", warm ? "filled, solid: the program is started for each client; hollow, dashed: warm = main" : \
		"the program is started for each client", "")
	text(60, 452, "start", "both daemons have the same machine below them, and take turns", "")
	print "</svg>"
}
