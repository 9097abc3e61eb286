/* script.js - asks for status.json again and again and keeps the page true to it.
 * What comes from outside enters the page as text only. */
'use strict';

(() => {
	const PERIOD_MS = 2000;
	const PATIENCE_MS = 8000;
	const OLD_MS = 7000;
	const WINDOW_MS = 180000;
	const WINDOW_LEAST_MS = 30000; /* of a chart that has just begun */
	const SESSIONS_SHOWN = 100;
	const SERVICES_SHOWN = 250;
	const FILTER_FROM = 9; /* services */

	const $ = (id) => document.getElementById(id);

	/* ---- how values are written ---- */

	const whole = new Intl.NumberFormat('en');

	const count = (n) => typeof n !== 'number' ? '–' :
		n < 1e6 ? whole.format(n) : n < 1e9 ? (n / 1e6).toFixed(2) + ' M' : (n / 1e9).toFixed(2) + ' G';

	const rate = (n) => n === 0 ? '0' : n < 0.1 ? '<0.1' : n < 10 ? n.toFixed(1) : count(Math.round(n));

	const bytes = (n) => {
		const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
		let i = 0;

		if (typeof n !== 'number')
			return '–';
		for (; n >= 1024 && i < units.length - 1; i++)
			n /= 1024;
		return (i === 0 || n >= 100 ? n.toFixed(0) : n.toFixed(1)) + ' ' + units[i];
	};

	const two = (n) => String(n).padStart(2, '0');

	const duration = (s) => {
		if (typeof s !== 'number')
			return '–';
		if (s < 1)
			return Math.round(s * 1000) + ' ms';
		if (s < 10)
			return s.toFixed(1) + ' s';
		s = Math.floor(s);
		if (s < 60)
			return s + ' s';
		if (s < 3600)
			return Math.floor(s / 60) + ' min ' + two(s % 60) + ' s';
		if (s < 86400)
			return Math.floor(s / 3600) + ' h ' + two(Math.floor(s % 3600 / 60)) + ' min';
		return Math.floor(s / 86400) + ' d ' + two(Math.floor(s % 86400 / 3600)) + ' h';
	};

	const sum = (object) => Object.values(object || {}).reduce((a, b) => a + b, 0);

	/* ---- the page as a tree, changed only where it differs ---- */

	const make = (tag, className, text) => {
		const element = document.createElement(tag);

		if (className)
			element.className = className;
		if (text !== undefined)
			element.textContent = text;
		return element;
	};

	const setText = (element, text) => {
		text = String(text);
		if (element.textContent !== text)
			element.textContent = text;
	};

	const setClass = (element, name) => {
		if (element.className !== name)
			element.className = name;
	};

	const show = (element, is) => {
		if (element.hidden === is)
			element.hidden = !is;
	};

	/* Children of `parent`, one for each item, in order; those with a known key are kept. */
	const keep = (parent, items, key, create, update) => {
		const known = parent.known || (parent.known = new Map());
		const wanted = new Map(items.map((item) => [key(item), item]));

		for (const [name, child] of known) {
			if (!wanted.has(name)) {
				child.remove();
				known.delete(name);
			}
		}

		let next = parent.firstElementChild;

		for (const [name, item] of wanted) {
			let child = known.get(name);

			if (!child) {
				child = create(item);
				known.set(name, child);
			}
			update(child, item);
			if (child === next)
				next = next.nextElementSibling;
			else
				parent.insertBefore(child, next);
		}
	};

	/* ---- tables ---- */

	/* Columns: {name, head, number, wide, sort(item), fill(cell, item)}; the first names the row. */
	const makeTable = (id, columns, onSort) => {
		const table = $(id);
		const row = table.tHead.rows[0];

		for (const column of columns) {
			const head = make('th', column.number ? 'number' : '');

			head.scope = 'col';
			head.setAttribute('role', 'columnheader');
			if (onSort && column.sort) {
				const button = make('button', '', column.head);

				button.type = 'button';
				button.addEventListener('click', () => onSort(column, head));
				head.append(button);
			} else {
				head.textContent = column.head;
			}
			row.append(head);
		}
		return { body: table.tBodies[0], columns, table };
	};

	const makeRow = (columns) => {
		const row = make('tr');

		row.setAttribute('role', 'row');
		columns.forEach((column, i) => {
			const cell = make(i === 0 ? 'th' : 'td');

			if (i === 0)
				cell.scope = 'row';
			cell.setAttribute('role', i === 0 ? 'rowheader' : 'cell');
			if (column.number)
				cell.classList.add('number');
			if (column.className)
				cell.classList.add(column.className);
			if (column.wide)
				cell.classList.add('wide');
			if (i > 0 && column.number)
				cell.dataset.name = column.head;
			row.append(cell);
		});
		return row;
	};

	const fillTable = (table, items, key) =>
		keep(table.body, items, key, () => makeRow(table.columns), (row, item) =>
			table.columns.forEach((column, i) => column.fill(row.cells[i], item)));

	/* A cell with parts of its own, made once. */
	const parts = (cell, build) => cell.parts || (cell.parts = build(cell));

	const fillNumber = (cell, text, isZero, isAlarm) => {
		setText(cell, text);
		cell.classList.toggle('zero', isZero);
		cell.classList.toggle('alarm', isAlarm === true);
	};

	const makeMeter = (parent) => {
		const meter = make('div', 'meter');
		const fill = make('i');

		meter.setAttribute('aria-hidden', 'true');
		meter.append(fill);
		parent.append(meter);
		return { meter, fill };
	};

	const setMeter = (m, share) => {
		const width = Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10 + '%';

		if (m.fill.style.width !== width)
			m.fill.style.width = width;
	};

	/* ---- services ---- */

	const STATES = {
		serving: 'good', full: 'warn', paused: 'warn', absent: 'warn', draining: 'warn', failing: 'bad',
	};
	const WEIGHTS = ['failing', 'paused', 'absent', 'full', 'draining', 'serving', 'disabled'];

	/* Both families on one port are one place, and TCP is what one expects. */
	const places = (listen) => {
		const all = new Set(listen);

		return listen.filter((text) => !(text.startsWith('[::]:') && all.has('0.0.0.0:' + text.slice(5)))).map((text) =>
			(all.has('[::]:' + text.slice(8)) && text.startsWith('0.0.0.0:') ? '*:' + text.slice(8) : text)
				.replace(/\/tcp$/, ''));
	};

	const fillName = (cell, service) => {
		const p = parts(cell, () => {
			const made = {
				name: make('span', 'name'), under: make('span', 'under'), wrong: make('span', 'wrong'),
			};

			cell.append(made.name, made.under, made.wrong);
			return made;
		});
		const listen = places(service.listen || []);
		const where = listen.slice(0, 3).join(', ') + (listen.length > 3 ? ' and ' + (listen.length - 3) + ' more' : '');

		setText(p.name, service.name);
		setText(p.under, [service.description, where].filter(Boolean).join(' · '));
		setText(p.wrong, service.problem || '');
		show(p.under, p.under.textContent !== '');
		show(p.wrong, Boolean(service.problem));
	};

	const fillState = (cell, service) => {
		const pill = parts(cell, () => {
			const made = make('span', 'pill');

			cell.append(made);
			return made;
		});

		setText(pill, service.state + (service.override ? ' (by hand)' : ''));
		setClass(pill, 'pill ' + (STATES[service.state] || ''));
	};

	const fillUse = (cell, service) => {
		const p = parts(cell, () => {
			const box = make('div', 'use');
			const text = make('span');

			box.append(text);
			cell.append(box);
			return Object.assign(makeMeter(box), { text });
		});
		const most = service.instances || 0;
		const share = most > 0 ? service.active / most : 0;

		setText(p.text, count(service.active) + (most > 0 ? ' / ' + count(most) : ''));
		setClass(p.meter, 'meter' + (share >= 1 ? ' all' : share >= 0.8 ? ' much' : ''));
		setMeter(p, share);
	};

	const failures = (service) => sum(service.spawn_failures);

	const order = { column: null, descending: false };
	let last = null;

	const serviceColumns = [
		{ head: 'Service', sort: (s) => s.name, fill: fillName },
		{ head: 'State', sort: (s) => WEIGHTS.indexOf(s.state), fill: fillState },
		{ head: 'Sessions', wide: true, descending: true, sort: (s) => s.active, fill: fillUse },
		{ head: 'Accepted', number: true, descending: true, sort: (s) => s.accepted,
			fill: (c, s) => fillNumber(c, count(s.accepted), s.accepted === 0) },
		{ head: 'Refused', number: true, descending: true, sort: (s) => s.refused_total,
			fill: (c, s) => fillNumber(c, count(s.refused_total), s.refused_total === 0) },
		{ head: 'Failed starts', number: true, descending: true, sort: failures,
			fill: (c, s) => fillNumber(c, count(failures(s)), failures(s) === 0, failures(s) > 0) },
		{ head: 'In', number: true, descending: true, sort: (s) => s.bytes_in || 0,
			fill: (c, s) => fillNumber(c, bytes(s.bytes_in), !s.bytes_in) },
		{ head: 'Out', number: true, descending: true, sort: (s) => s.bytes_out || 0,
			fill: (c, s) => fillNumber(c, bytes(s.bytes_out), !s.bytes_out) },
	];

	const services = makeTable('services', serviceColumns, (column, head) => {
		order.descending = order.column === column ? !order.descending : column.descending === true;
		order.column = column;
		for (const other of head.parentElement.children)
			other.removeAttribute('aria-sort');
		head.setAttribute('aria-sort', order.descending ? 'descending' : 'ascending');
		if (last)
			drawServices(last);
	});

	const sorted = (list) => {
		if (!order.column)
			return list;
		const value = order.column.sort;
		const sign = order.descending ? -1 : 1;

		return list.slice().sort((a, b) => {
			const x = value(a), y = value(b);

			return x < y ? -sign : x > y ? sign : 0;
		});
	};

	const drawServices = (status) => {
		const words = $('filter').value.trim().toLowerCase();
		const all = status.services;
		const fits = (s) => [s.name, s.description, s.state].concat(s.listen || []).some((text) =>
			typeof text === 'string' && text.toLowerCase().includes(words));
		const found = words ? all.filter(fits) : all;
		const shown = sorted(found).slice(0, SERVICES_SHOWN);
		const left = status.services_total - all.length + (words ? 0 : found.length - shown.length);

		fillTable(services, shown, (s) => s.name);
		setText($('service-count'), words ? found.length + ' of ' + count(status.services_total) :
			count(status.services_total));
		show($('filter-label'), status.services_total >= FILTER_FROM || words !== '');
		show(services.table, shown.length > 0);
		show($('services-empty'), shown.length === 0 || left > 0);
		setText($('services-empty'), all.length === 0 ? 'No service is configured.' :
			shown.length === 0 ? 'No service fits the filter.' :
			count(left) + ' more are not shown; usherctl services lists all.');
	};

	/* ---- sessions ---- */

	const fillText = (cell, text) => setText(cell, text);

	const fillSession = (cell, session) => {
		const p = parts(cell, () => {
			const made = { name: make('span', 'name'), id: make('span', 'under'), note: make('span', 'pill warn') };

			cell.append(made.name, ' ', made.note, made.id);
			return made;
		});

		setText(p.name, session.service);
		setText(p.id, 'session ' + session.id + (session.pid ? ', pid ' + session.pid : ''));
		show(p.note, session.state !== 'running');
		setText(p.note, session.state + (session.reason ? ': ' + session.reason : ''));
	};

	const sessions = makeTable('sessions', [
		{ head: 'Service', fill: fillSession },
		{ head: 'Client', className: 'client', fill: (c, s) => fillText(c, s.peer || 'not known') },
		{ head: 'Since', number: true, fill: (c, s) => fillNumber(c, duration(s.seconds), false) },
		{ head: 'Idle', number: true, fill: (c, s) => fillNumber(c, duration(s.idle_seconds), s.idle_seconds === null) },
		{ head: 'In', number: true, fill: (c, s) => fillNumber(c, bytes(s.bytes_in), !s.bytes_in) },
		{ head: 'Out', number: true, fill: (c, s) => fillNumber(c, bytes(s.bytes_out), !s.bytes_out) },
	]);

	const drawSessions = (status) => {
		const shown = status.sessions.slice(0, SESSIONS_SHOWN);
		const left = status.sessions_total - shown.length;

		fillTable(sessions, shown, (s) => s.id);
		setText($('session-count'), count(status.sessions_total));
		show(sessions.table, shown.length > 0);
		show($('sessions-empty'), shown.length === 0 || left > 0);
		setText($('sessions-empty'), shown.length === 0 ? 'Nobody is connected.' :
			count(left) + ' more are not shown; usherctl sessions lists all.');
	};

	/* ---- refusals ---- */

	const REASONS = {
		loop: 'a service of ours as the client',
		ban: 'banned',
		deny: 'not allowed (allow, deny)',
		access_times: 'outside the hours (access_times)',
		max_load: 'the machine is too busy (max_load)',
		throttle: 'its program keeps failing',
		rate_per_source: 'one client too often (rate_per_source)',
		rate: 'all together too often (rate)',
		per_source: 'too many from one client (per_source)',
		instances: 'the service is full (instances)',
		max_sessions: 'the daemon is full (max_sessions)',
	};

	const refused = makeTable('refused', [
		{ head: 'Reason', fill: (cell, item) => {
			const p = parts(cell, () => {
				const made = { name: make('span', 'name'), under: make('span', 'under') };

				cell.append(made.name, made.under);
				return Object.assign(makeMeter(cell), made);
			});

			setText(p.name, item.reason);
			setText(p.under, REASONS[item.reason] || '');
			setMeter(p, item.share);
		} },
		{ head: 'Clients', number: true, fill: (c, item) => fillNumber(c, count(item.n), false) },
	]);

	const drawRefused = (status) => {
		const all = Object.entries(status.daemon.refused || {}).filter(([, n]) => n > 0);
		const most = Math.max(1, ...all.map(([, n]) => n));
		const list = all.map(([reason, n]) => ({ reason, n, share: n / most })).sort((a, b) => b.n - a.n);

		fillTable(refused, list, (item) => item.reason);
		setText($('refused-count'), count(status.daemon.refused_total));
		show(refused.table, list.length > 0);
		show($('refused-empty'), list.length === 0);
		setText($('refused-empty'), 'Nobody was refused.');
	};

	/* ---- charts ---- */

	const SVG = 'http://www.w3.org/2000/svg';
	const WIDTH = 300, HEIGHT = 56;

	const makeChart = (title, unit, className, write = rate) => {
		const box = make('article', 'card chart ' + className);
		const chart = { title, unit, write, points: [] };
		const svg = document.createElementNS(SVG, 'svg');

		chart.now = make('p', 'now');
		chart.most = make('p', 'most');
		chart.number = make('span', '', '–');
		chart.now.append(chart.number, make('small', '', unit));
		svg.setAttribute('viewBox', '0 0 ' + WIDTH + ' ' + HEIGHT);
		svg.setAttribute('preserveAspectRatio', 'none');
		svg.setAttribute('role', 'img');
		chart.svg = svg;
		for (const part of ['area', 'line']) {
			chart[part] = document.createElementNS(SVG, 'path');
			chart[part].setAttribute('class', part);
			svg.append(chart[part]);
		}
		box.append(make('h2', '', title), chart.most, chart.now, svg);
		$('charts').append(box);
		return chart;
	};

	const charts = {
		accepted: makeChart('Connections', 'per second', 'connections'),
		active: makeChart('Sessions', 'now', 'active', count),
		refused: makeChart('Refusals', 'per second', 'refusals'),
	};

	const addPoint = (chart, at, value) => {
		chart.points.push([at, value]);
		while (chart.points.length > 2 && chart.points[1][0] < at - WINDOW_MS)
			chart.points.shift();
	};

	const drawChart = (chart, at) => {
		const values = chart.points.map((p) => p[1]);
		const most = Math.max(0, ...values);
		const now = values[values.length - 1];
		const top = most > 0 ? most : 1;
		const first = chart.points[0][0];
		const wide = Math.min(Math.max(at - first, WINDOW_LEAST_MS), WINDOW_MS);
		const x = (time) => ((1 - (at - time) / wide) * WIDTH).toFixed(1);
		const y = (value) => (HEIGHT - 3 - value / top * (HEIGHT - 9)).toFixed(1);
		const line = 'M' + chart.points.map(([time, value]) => x(time) + ' ' + y(value)).join('L');

		chart.line.setAttribute('d', line);
		chart.area.setAttribute('d', line + 'L' + WIDTH + ' ' + HEIGHT + 'L' + x(first) + ' ' + HEIGHT + 'Z');
		setText(chart.number, chart.write(now));
		setText(chart.most, 'peak ' + chart.write(most));
		chart.svg.setAttribute('aria-label', chart.title + ' in the last minutes: ' + chart.write(now) + ' ' + chart.unit +
			', at most ' + chart.write(most));
	};

	let before = null;

	const drawCharts = (daemon, at) => {
		if (before && (before.started_at !== daemon.started_at || before.accepted > daemon.accepted)) {
			before = null;
			for (const chart of Object.values(charts))
				chart.points = [];
		}
		addPoint(charts.active, at, daemon.sessions.active);
		drawChart(charts.active, at);
		if (before && at > before.at) {
			const seconds = (at - before.at) / 1000;

			addPoint(charts.accepted, at, (daemon.accepted - before.accepted) / seconds);
			addPoint(charts.refused, at, (daemon.refused_total - before.refused_total) / seconds);
			drawChart(charts.accepted, at);
			drawChart(charts.refused, at);
		}
		before = {
			at, started_at: daemon.started_at, accepted: daemon.accepted, refused_total: daemon.refused_total,
		};
	};

	/* ---- the head ---- */

	const reloadText = (reload) => !reload ? 'none' :
		(reload.ok ? 'in force since ' : 'failed ') + String(reload.at).replace('T', ' ').replace(/(:\d\d)(\.\d+)?Z$/, ' UTC') +
			(reload.ok || !reload.message ? '' : ': ' + reload.message);

	const drawFacts = (daemon) => {
		const limit = daemon.descriptors.limit;
		const facts = [
			['up', duration(daemon.uptime_seconds)],
			['version', daemon.version],
			['pid', daemon.pid],
			['configuration', '#' + daemon.generation + ' ' + String(daemon.config.hash).slice(0, 12),
				false, daemon.config.hash],
			['last reload', reloadText(daemon.last_reload), daemon.last_reload && !daemon.last_reload.ok],
			['sockets', count(daemon.listeners)],
			['bans', count(daemon.bans)],
			['memory', bytes(daemon.memory.rss_bytes)],
			['descriptors', count(daemon.descriptors.open) + ' of ' + count(limit), daemon.descriptors.open > limit * 0.9],
			['loop lag', duration(daemon.loop.lag_seconds), daemon.loop.lag_seconds > 0.5],
			['log lines lost', count(daemon.log.dropped), daemon.log.dropped > 0],
		];

		keep($('facts'), facts, (fact) => fact[0], (fact) => {
			const box = make('div');

			box.append(make('dt', '', fact[0]), make('dd'));
			return box;
		}, (box, [, text, bad, title]) => {
			const value = box.lastElementChild;

			setText(value, text);
			setClass(value, bad ? 'bad' : '');
			setClass(box, bad ? 'wide' : '');
			if (title)
				value.title = title;
		});
	};

	const drawProblems = (problems) => {
		keep($('problem-list'), problems, (p) => p.service + '\n' + p.state + '\n' + p.message, (problem) => {
			const item = make('li');

			if (problem.service)
				item.append(make('strong', '', problem.service));
			if (problem.state)
				item.append(make('span', 'pill ' + (STATES[problem.state] || 'bad'), problem.state));
			item.append(make('span', '', problem.message));
			return item;
		}, () => {});
		setText($('problems-title'), problems.length === 1 ? 'One problem' : problems.length + ' problems');
		show($('problems'), problems.length > 0);
	};

	const setState = (word, className) => {
		setText($('state'), word);
		setClass($('state'), 'pill ' + className);
	};

	const draw = (status, at) => {
		const daemon = status.daemon;

		last = status;
		setState(daemon.state, daemon.state === 'serving' ? 'good' : 'warn');
		drawFacts(daemon);
		drawProblems(status.problems || []);
		drawCharts(daemon, at);
		drawServices(status);
		drawSessions(status);
		drawRefused(status);
		document.title = (status.problems && status.problems.length > 0 ? '(' + status.problems.length + ') ' : '') +
			'usherd: ' + daemon.state + ', ' + count(daemon.sessions.active) + ' sessions';
	};

	/* ---- asking ---- */

	let heard = null; /* when the last good answer came */
	let paused = false, asking = false;

	const drawFreshness = () => {
		const age = heard === null ? Infinity : performance.now() - heard;
		const old = !paused && age > OLD_MS;

		setText($('fresh'), paused ? 'paused' : heard === null ? 'no answer yet' :
			old ? 'last answer ' + duration(Math.floor(age / 1000)) + ' ago' : 'live');
		setClass($('fresh'), paused ? 'paused' : old ? 'old' : '');
		$('main').classList.toggle('old', old);
	};

	const fail = (reason) => {
		setState('no answer', 'bad');
		setText($('away-text'), reason + (last ? '. What is below is what it said last.' : ''));
		show($('away'), true);
		document.title = 'usherd: no answer';
	};

	const explain = (error) => error.name === 'AbortError' ? 'No answer in ' + PATIENCE_MS / 1000 + ' s' :
		error instanceof TypeError ? 'The status service cannot be reached' : error.message;

	const load = async () => {
		const abort = new AbortController();
		const timer = setTimeout(() => abort.abort(), PATIENCE_MS);

		try {
			const response = await fetch('status.json', { cache: 'no-store', signal: abort.signal });
			const status = await response.json();

			if (!response.ok || !status.ok)
				throw new Error(status.error || 'status.json: ' + response.status);
			return status;
		} finally {
			clearTimeout(timer);
		}
	};

	const ask = async () => {
		if (asking || paused || document.hidden)
			return;
		asking = true;
		try {
			const status = await load();

			heard = performance.now();
			draw(status, heard);
			show($('away'), false);
		} catch (error) {
			fail(explain(error));
		}
		asking = false;
		drawFreshness();
	};

	$('pause').addEventListener('click', () => {
		paused = !paused;
		$('pause').setAttribute('aria-pressed', paused);
		drawFreshness();
		ask();
	});
	$('filter').addEventListener('input', () => last && drawServices(last));
	document.addEventListener('visibilitychange', ask);

	setText($('host'), location.host);
	show($('main'), true);
	show($('pause'), true);
	setInterval(ask, PERIOD_MS);
	setInterval(drawFreshness, 1000);
	ask();
})();
