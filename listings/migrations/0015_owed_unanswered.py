from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('listings', '0014_said_beside'),
    ]

    operations = [
        migrations.AddField(
            model_name='ledger',
            name='owed_unanswered',
            field=models.BooleanField(default=False),
        ),
    ]
