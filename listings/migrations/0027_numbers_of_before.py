from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('listings', '0026_jobs_brought_forward'),
    ]

    operations = [
        migrations.AddField(
            model_name='ledger',
            name='before',
            field=models.JSONField(default=list),
        ),
    ]
