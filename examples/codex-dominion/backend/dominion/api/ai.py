"""/api/ai: the advisor. It finds capsules; it does not generate text."""

from flask import Blueprint, current_app

from dominion.validation import json_object, text_field, whole_number

blueprint = Blueprint('ai', __name__, url_prefix='/api/ai')

MODEL = 'PostgreSQL full-text search over capsules (english)'
LONGEST_QUESTION = 500


@blueprint.get('/status')
def status():
    """{"model", "capsules", "topics", "updated_at"}"""
    counts = current_app.database.row(
        """SELECT count(*) AS capsules, count(DISTINCT topic) AS topics, max(updated_at) AS updated_at
           FROM capsules"""
    )
    return {'model': MODEL, **counts}


@blueprint.get('/capsules')
def capsules():
    """{"capsules": [{id, slug, topic, title, body, council, updated_at}]}, at most ?limit= (100)."""
    rows = current_app.database.rows(
        """SELECT k.id, k.slug, k.topic, k.title, k.body, c.name AS council, k.updated_at
           FROM capsules k LEFT JOIN councils c ON c.id = k.council_id
           ORDER BY k.updated_at DESC, k.id LIMIT %s""",
        (whole_number('limit', 100, 1, 1000),),
    )
    return {'capsules': rows}


@blueprint.post('/ask')
def ask():
    """{"question"} -> {"question", "answer", "sources": [{id, slug, title, rank}], "model"}.

    A capsule matches when it shares a word with the question, stop words aside; the best one is
    the answer. "answer" is null when none matches.
    """
    question = text_field(json_object(), 'question', LONGEST_QUESTION)
    rows = current_app.database.rows(
        # plainto_tsquery wants every word; in a question some words are only filler, so any match will do.
        """WITH asked AS (
             SELECT replace(plainto_tsquery('english', %s)::text, ' & ', ' | ')::tsquery AS query
           )
           SELECT id, slug, title, body, ts_rank_cd(search, query, 1)::float8 AS rank
           FROM capsules, asked WHERE search @@ query
           ORDER BY rank DESC, updated_at DESC LIMIT 3""",
        (question,),
    )
    return {
        'question': question,
        'answer': rows[0]['body'] if rows else None,
        'message': None if rows else 'No capsule matches this question',
        'sources': [{key: row[key] for key in ('id', 'slug', 'title', 'rank')} for row in rows],
        'model': MODEL,
    }
